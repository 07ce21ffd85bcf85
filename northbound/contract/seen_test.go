package contract

import (
	"slices"
	"testing"
)

// An answer of the document that was never given is missed, unless nobody can get
// it or the caller says why not.
func TestMissing(t *testing.T) {
	op := &operation{method: "PUT", path: "/things", role: "operator", answers: map[string]map[string]*answer{}}
	for _, status := range []string{"200", "401", "403", "408", "409", "412", "422", "429", "503"} {
		op.answers[status] = nil
	}
	s := newSeen()
	for _, status := range []int{200, 401, 403, 422} {
		s.add(op, status)
	}
	if got := s.missing(op, nil); !slices.Equal(got, []string{"409", "412"}) {
		t.Errorf("%q", got)
	}
	s.add(op, 412)
	if got := s.missing(op, map[string]string{"PUT /things 409": "another server would"}); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if got, want := s.summary(op), "1 valid, 1 invalid, 2 unauthorised, 0 conflicting, 1 stale"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
