package northbound

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/store"
)

// TestPatch: null takes out, objects are merged, all else is replaced (RFC 7396).
func TestPatch(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	// spec is the part of an object that can be written.
	spec := func(target string) (all map[string]any) {
		var o struct {
			Spec map[string]any `json:"spec"`
		}
		if err := json.NewDecoder(ask(s, "GET", target).Body).Decode(&o); err != nil {
			t.Fatal(err)
		}
		return o.Spec
	}
	const site, channel = "/api/v1/sites/rome", "/api/v1/channels/radio"
	for _, tt := range []struct{ target, patch, field, want string }{
		{channel, `{"redundancy":16}`, "redundancy", `16`},
		{channel, `{"rate":"6Mbps"}`, "redundancy", `16`},
		{channel, `{"redundancy":null}`, "redundancy", `null`},
		{channel, `{"fanout":null}`, "fanout", `null`},
		{channel, `{"ingress":{"port":1}}`, "ingress", `{"port":1,"switch":"itr5"}`},
		{channel, `{"ingress":{}}`, "ingress", `{"port":1,"switch":"itr5"}`},
		{channel, `{"lists":false}`, "lists", `false`},
		{channel, `{"lists":null}`, "lists", `true`},
		{channel, `{}`, "rate", `"6Mbps"`},
		{site, `{"rlocs":[{"address":"192.0.2.55","priority":7}]}`, "rlocs", `[{"address":"192.0.2.55","priority":7,"weight":100}]`},
		{site, `{"streams":[{"source_eid":"10.0.0.1","reserved_eid":"10.0.255.1"}]}`, "streams", `[{"delivery":"unicast","reserved_eid":"10.0.255.1","source_eid":"10.0.0.1"}]`},
		{site, `{"streams":[]}`, "streams", `[]`},
		{site, `{"eid_prefixes":["10.5.0.0/16","10.6.0.0/16"]}`, "eid_prefixes", `["10.5.0.0/16","10.6.0.0/16"]`},
		{site, `{"eid_prefixes":["10.5.0.0/16"]}`, "eid_prefixes", `["10.5.0.0/16"]`},
		{site, `{"auth_keys":null}`, "auth_keys", `null`},
		{site, `{"corecast":true}`, "reserved_eids", `"10.5.255.0/24"`},
	} {
		if resp := write(s, "PATCH", tt.target, tt.patch); resp.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(resp.Body)
			t.Errorf("%s: %s %s", tt.patch, resp.Status, text)
			continue
		}
		if got, _ := json.Marshal(spec(tt.target)[tt.field]); string(got) != tt.want {
			t.Errorf("%s: %s is %s, want %s", tt.patch, tt.field, got, tt.want)
		}
	}
	for _, patch := range []string{`{"redundancy":1}{"fanout":1}`, `{"redundancy":1} x`, `[]`, `"text"`, `null`, ``} {
		if resp := write(s, "PATCH", channel, patch); resp.StatusCode != http.StatusUnprocessableEntity && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", patch, resp.Status)
		}
	}
}

// TestClashes: what contradicts another object names both.
func TestClashes(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	const sw = `{"address":"127.0.0.1:9571","site":"paris","ports":[{"id":1,"role":"local","address":"10.6.0.1/24"}]}`
	site := func(more string) string { return `{"eid_prefixes":["10.6.0.0/16"],` + more + `"corecast":true}` }
	answerOf[api.Site](t, write(s, "PUT", "/api/v1/sites/paris", site("")), 201)
	for _, tt := range []struct{ target, body, want string }{
		{"/api/v1/sites/oslo", `{"eid_prefixes":["10.5.7.0/24"]}`, "10.5.7.0/24 overlaps 10.5.0.0/16 of site rome"},
		{"/api/v1/sites/oslo", `{"eid_prefixes":["10.7.0.0/16"],"reserved_eids":"10.5.255.0/25"}`, "10.5.255.0/25"},
		{"/api/v1/sites/oslo", `{"eid_prefixes":["10.7.0.0/16"],"rlocs":[{"address":"192.0.2.55"}]}`, "192.0.2.55 is an RLOC of site rome"},
		{"/api/v1/channels/jazz", `{"site":"rome","source_eid":"10.5.0.10","reserved_eid":"10.5.255.1","ingress":{"switch":"itr5","port":1}}`, "channel radio"},
		{"/api/v1/channels/jazz", `{"site":"rome","source_eid":"10.5.0.10","reserved_eid":"10.5.7.1","ingress":{"switch":"itr5","port":1}}`, "10.5.255.0/24 of site rome"},
		{"/api/v1/channels/jazz", `{"site":"rome","source_eid":"10.6.0.10","ingress":{"switch":"itr5","port":1}}`, "10.6.0.10 is not an EID of site rome"},
		{"/api/v1/channels/jazz", `{"site":"paris","source_eid":"10.6.0.10","ingress":{"switch":"itr5","port":1}}`, "site paris"},
		{"/api/v1/switches/etr6", strings.Replace(sw, "9571", "9570", 1), "switch itr5"},
	} {
		p := answerOf[api.Error](t, write(s, "PUT", tt.target, tt.body), 422)
		if !strings.Contains(p.Detail, tt.want) || len(p.Errors) == 0 || p.Errors[0].Reason == "" {
			t.Errorf("PUT %s %s: %s, want %s", tt.target, tt.body, p.Detail, tt.want)
		}
	}
}

// TestRepeated: a write that is repeated changes nothing and is no event.
func TestRepeated(t *testing.T) {
	s, f := newTestServer(t)
	makeRome(t, s)
	tag, at := ask(s, "GET", "/api/v1/channels/radio").Header.Get("ETag"), revision(t, f)
	for _, tt := range []struct{ method, body string }{
		{"PUT", radioBody}, {"PATCH", `{}`}, {"PATCH", `{"rate":"4Mbps"}`}, {"PATCH", `{"rate":"4000kbps"}`}, {"PUT", radioBody},
	} {
		resp := write(s, tt.method, "/api/v1/channels/radio", tt.body)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") != tag {
			t.Errorf("%s %s: %s, ETag %s, was %s", tt.method, tt.body, resp.Status, resp.Header.Get("ETag"), tag)
		}
	}
	if now := revision(t, f); now != at {
		t.Errorf("revision %d, was %d", now, at)
	}
}

// revision is that of the store.
func revision(t interface {
	Helper()
	Fatal(...any)
}, f *fakes) store.Revision {
	t.Helper()
	page, err := f.store.List(context.Background(), "config/", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	return page.Revision
}

// TestDryRunsChangeNothing: whatever a dry run is asked, what is stored, told and
// heard stays as it was; and it is refused just where the write would be.
func TestDryRunsChangeNothing(t *testing.T) {
	s, f := newTestServer(t)
	makeRome(t, s)
	eventually(t, "the events of making it", func() bool { return len(s.opts.Events.Tail(100)) == 3 })
	names := map[string][]string{"sites": {"rome", "studio", "oslo"}, "switches": {"itr5", "itr", "etr6"}, "channels": {"radio", "jazz"}}
	bodies := []string{romeBody, romeSwitch, radioBody, `{}`, `{"redundancy":3}`, `{"rlocs":[]}`, `{"corecast":false}`, `{"eid_prefixes":["10.7.0.0/16"]}`,
		strings.Replace(radioBody, "10.5.0.10", "10.9.0.10", 1), strings.Replace(romeSwitch, "9570", "9571", 1), `nonsense`}
	state := func() string {
		var all []string
		for _, kind := range slices.Sorted(maps.Keys(names)) {
			text, _ := io.ReadAll(ask(s, "GET", "/api/v1/"+kind).Body)
			all = append(all, string(text))
		}
		return fmt.Sprint(revision(t, f), len(s.opts.Events.Tail(100)), all)
	}
	before := state()
	done := map[string]int{}
	try := func(method, path, body string) {
		t.Helper()
		resp := write(s, method, path+"?dry_run=true", body)
		done[fmt.Sprint(resp.StatusCode)]++
		if resp.StatusCode >= 500 {
			t.Fatalf("%s %s %s: %s", method, path, body, resp.Status)
		}
		if now := state(); now != before {
			t.Fatalf("%s %s %s: %s\nis now %s\nwas    %s", method, path, body, resp.Status, now, before)
		}
	}
	for kind, list := range names {
		for _, name := range list {
			path := "/api/v1/" + kind + "/" + name
			try("DELETE", path, "")
			for _, body := range bodies {
				try("PUT", path, body)
				try("PATCH", path, body)
			}
		}
	}
	if done["200"] < 5 || done["422"] < 5 || done["409"] == 0 {
		t.Errorf("answers: %v", done)
	}
}

// TestOneOfManyWins: of several who change what they have read, one does; the
// others are told to read it again.
func TestOneOfManyWins(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	const clients, rounds = 8, 20
	for round := range rounds {
		tag := ask(s, "GET", "/api/v1/channels/radio").Header.Get("ETag")
		statuses := make([]int, clients)
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				body, method := fmt.Sprintf(`{"redundancy":%d}`, 1+round*clients+i), "PATCH"
				if i%2 == 1 {
					body, method = strings.TrimSuffix(radioBody, "}")+`,`+body[1:], "PUT"
				}
				statuses[i] = write(s, method, "/api/v1/channels/radio", body, "If-Match", tag).StatusCode
			})
		}
		wg.Wait()
		winner := slices.Index(statuses, http.StatusOK)
		slices.Sort(statuses)
		if statuses[0] != http.StatusOK || statuses[1] != http.StatusPreconditionFailed || statuses[clients-1] != http.StatusPreconditionFailed {
			t.Fatalf("round %d: %v", round, statuses)
		}
		now := answerOf[api.Channel](t, ask(s, "GET", "/api/v1/channels/radio"), 200)
		if int(now.Spec.Redundancy) != 1+round*clients+winner {
			t.Fatalf("round %d: %d won, and there is %+v", round, winner, now.Spec)
		}
	}
	// So too of those who create and delete.
	for range rounds {
		var created, deleted sync.Map
		race(clients, func(i int) {
			created.Store(i, write(s, "PUT", "/api/v1/channels/jazz", radioBody, "If-None-Match", "*").StatusCode)
		})
		tag := ask(s, "GET", "/api/v1/channels/jazz").Header.Get("ETag")
		race(clients, func(i int) {
			deleted.Store(i, write(s, "DELETE", "/api/v1/channels/jazz", "", "If-Match", tag).StatusCode)
		})
		if got := count(&created); got[201] != 1 || got[412] != clients-1 {
			t.Fatalf("created: %v", got)
		}
		if got := count(&deleted); got[204] != 1 || got[204]+got[404]+got[412] != clients {
			t.Fatalf("deleted: %v", got)
		}
	}
}

// race has several do something at once.
func race(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// count is how often each value is there.
func count(m *sync.Map) map[any]int {
	all := map[any]int{}
	m.Range(func(_, v any) bool { all[v]++; return true })
	return all
}

// TestPagesWhileOthersWrite: what is there all the time is seen once, whatever
// comes and goes between pages, and nothing is seen twice.
func TestPagesWhileOthersWrite(t *testing.T) {
	s, _ := newTestServer(t)
	answerOf[api.Site](t, write(s, "PUT", "/api/v1/sites/rome", romeBody), 201)
	answerOf[api.Switch](t, write(s, "PUT", "/api/v1/switches/itr5", romeSwitch), 201)
	stays := []string{"c2", "c4", "c6"}
	for _, name := range stays {
		answerOf[api.Channel](t, write(s, "PUT", "/api/v1/channels/"+name, radioBody), 201)
	}
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(rt, "limit")
		var seen []string
		cursor := ""
		for {
			page := get[api.Channels](t, s, fmt.Sprintf("/api/v1/channels?limit=%d&cursor=%s", limit, url.QueryEscape(cursor)))
			if len(page.Items) > limit {
				rt.Fatalf("%d items of %d", len(page.Items), limit)
			}
			for _, ch := range page.Items {
				seen = append(seen, ch.Name)
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
			name := fmt.Sprint("c", rapid.SampledFrom([]int{1, 3, 5, 7}).Draw(rt, "other"))
			if rapid.Bool().Draw(rt, "comes") {
				write(s, "PUT", "/api/v1/channels/"+name, radioBody)
			} else {
				write(s, "DELETE", "/api/v1/channels/"+name, "")
			}
		}
		if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			rt.Fatalf("seen %v", seen)
		}
		for _, name := range stays {
			if !slices.Contains(seen, name) {
				rt.Fatalf("seen %v without %s", seen, name)
			}
		}
	})
}
