package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// seen are the answers that operations gave.
type seen struct {
	mu sync.Mutex // guards by
	by map[*operation]map[int]int
}

func newSeen() *seen { return &seen{by: map[*operation]map[int]int{}} }

func (s *seen) add(op *operation, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[op] == nil {
		s.by[op] = map[int]int{}
	}
	s.by[op][status]++
}

// total is how many answers there were of each status.
func (s *seen) total() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[int]int{}
	for _, statuses := range s.by {
		for status, n := range statuses {
			all[status] += n
		}
	}
	return all
}

// classes are the kinds of requests, by how they are answered.
var classes = []struct {
	name string
	of   func(status int) bool
}{
	{"valid", func(status int) bool { return status < 300 }},
	{"invalid", func(status int) bool { return slices.Contains([]int{400, 404, 411, 413, 415, 422}, status) }},
	{"unauthorised", func(status int) bool { return status == 401 || status == 403 }},
	{"conflicting", func(status int) bool { return status == http.StatusConflict }},
	{"stale", func(status int) bool { return status == http.StatusPreconditionFailed }},
}

// unreachable says why an answer of the document cannot be had from a server that
// works, for somebody who has the tokens of all roles; empty if it can.
func unreachable(op *operation, status string) string {
	switch {
	case strings.HasPrefix(status, "5"):
		return "takes a server that does not work"
	case status == "408":
		return "takes a client that is slow"
	case status == "429":
		return "takes more requests than the limit"
	case status == "403" && op.role == "viewer":
		return "takes somebody without any role"
	}
	return ""
}

// missing are the answers that the document has of an operation and that it never
// gave: it was not sent all classes of requests that apply to it.
func (s *seen) missing(op *operation, except map[string]string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := map[string]bool{}
	for status := range s.by[op] {
		given[fmt.Sprint(status)] = true
	}
	var list []string
	for _, status := range slices.Sorted(maps.Keys(op.answers)) {
		if !given[status] && unreachable(op, status) == "" && except[op.String()+" "+status] == "" {
			list = append(list, status)
		}
	}
	return list
}

// summary is how many requests of each class an operation was sent.
func (s *seen) summary(op *operation) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []string
	for _, class := range classes {
		n := 0
		for status, times := range s.by[op] {
			if class.of(status) {
				n += times
			}
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, class.name))
	}
	return strings.Join(parts, ", ")
}
