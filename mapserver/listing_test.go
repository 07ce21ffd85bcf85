package mapserver

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
)

func TestListing(t *testing.T) {
	seven := studio()
	seven.Name, seven.InstanceID, seven.EIDPrefixes = "seven", 7, prefixes("10.7.0.0/16")
	other := Site{Name: "other", EIDPrefixes: prefixes("10.3.0.0/16"), RLOCs: []RLOC{{Address: netip.MustParseAddr("192.0.2.60")}}}
	h := newHarness(t, Options{}, studio(), seven, other)
	h.register(etr, registerOf(1, record("10.1.2.0/24", 60, "192.0.2.10"), record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.register(etr, registerOf(1, record("[7]10.7.0.0/16", 60, "192.0.2.10")), true)
	id := uint32(7)
	after := eid("10.1.2.0/24")
	for _, c := range []struct {
		name   string
		filter MappingFilter
		want   []string
	}{
		{"all that is known", MappingFilter{}, []string{"10.1.0.0/16", "10.1.2.0/24", "10.3.0.0/16", "[7]10.7.0.0/16"}},
		{"all", MappingFilter{All: true}, []string{"10.1.0.0/16", "10.1.2.0/24", "10.3.0.0/16", "2001:db8:1::/48", "[7]10.7.0.0/16"}},
		{"a site", MappingFilter{Site: "seven"}, []string{"[7]10.7.0.0/16"}},
		{"an instance", MappingFilter{InstanceID: &id}, []string{"[7]10.7.0.0/16"}},
		{"within", MappingFilter{Within: netip.MustParsePrefix("10.1.2.3/32")}, []string{"10.1.0.0/16", "10.1.2.0/24"}},
		{"some", MappingFilter{Limit: 2}, []string{"10.1.0.0/16", "10.1.2.0/24"}},
		{"the rest", MappingFilter{After: &after}, []string{"10.3.0.0/16", "[7]10.7.0.0/16"}},
	} {
		var got []string
		for _, m := range h.s.Mappings(c.filter) {
			got = append(got, m.EID.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSiteStatus(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	r := registerOf(77, record("10.1.2.0/24", 60, "192.0.2.10"), record("2001:db8:1::/48", 60, "192.0.2.10"), record("10.1.3.0/24", 0))
	r.HasXTR, r.XTR = true, lisp.XTR{ID: [16]byte{5}}
	h.advance(time.Second)
	h.register(etr, r, true)
	h.answers("10.1.2.3")
	st, ok := h.s.Site("studio")
	if !ok || st.Mappings != 2 || st.Registers != 1 || st.Records != 3 || st.Withdrawals != 1 || st.Notifies != 1 || st.Requests != 1 ||
		!st.LastRegister.Equal(h.now) || st.Changes != 4 {
		t.Errorf("%+v", st)
	}
	want := []PrefixStatus{{netip.MustParsePrefix("10.1.0.0/16"), false, 1}, {netip.MustParsePrefix("2001:db8:1::/48"), true, 0}}
	if !slices.Equal(st.EIDPrefixes, want) {
		t.Errorf("prefixes %+v, want %+v", st.EIDPrefixes, want)
	}
	if len(st.XTRs) != 1 || st.XTRs[0] != (XTRStatus{From: etr, XTR: r.XTR, KeyID: 1, Nonce: 77, Last: h.now}) {
		t.Errorf("xTRs %+v", st.XTRs)
	}
	if _, ok := h.s.Site("nobody"); ok {
		t.Error("a site that is not there")
	}
}

func TestEveryCauseHasANameAndAMeaning(t *testing.T) {
	if len(Causes()) != int(numCauses) {
		t.Errorf("%d names for %d causes", len(Causes()), numCauses)
	}
	for name, meaning := range Causes() {
		if name == "" || meaning == "" {
			t.Errorf("cause %q: %q", name, meaning)
		}
	}
}

// Listing goes on after any prefix, whether it is there or not, with all that
// come after in order.
func TestWalkGoesOnAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Server{db: newDatabase()}
		var all []lisp.EID
		for range rapid.IntRange(0, 40).Draw(t, "mappings") {
			e := drawEID(t, "mapping")
			if s.db.put(&mapping{eid: e}) == nil {
				all = append(all, e)
			}
		}
		slices.SortFunc(all, compareEIDs)
		after := drawEID(t, "after")
		if len(all) > 0 && rapid.Bool().Draw(t, "one of them") {
			after = rapid.SampledFrom(all).Draw(t, "after")
		}
		var want, got []lisp.EID
		for _, e := range all {
			if compareEIDs(e, after) > 0 {
				want = append(want, e)
			}
		}
		s.walk(after, func(m *mapping) bool {
			got = append(got, m.eid)
			return true
		})
		if !slices.Equal(got, want) {
			t.Fatalf("after %s: %v, want %v", after, got, want)
		}
	})
}

// Pages are complete, however small they are and whatever they filter.
func TestPages(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	for i := range 600 {
		h.register(etr, registerOf(uint64(i), record("10.1."+itoa(i/4)+"."+itoa(i%4*64)+"/26", 60, "192.0.2.10")), true)
	}
	for _, f := range []MappingFilter{{}, {Within: netip.MustParsePrefix("10.1.16.0/20"), InstanceID: new(uint32)}, {All: true}} {
		all := h.s.Mappings(f)
		var paged []Mapping
		f.Limit = 7
		for {
			page := h.s.Mappings(f)
			paged = append(paged, page...)
			if len(page) < f.Limit {
				break
			}
			f.After = &page[len(page)-1].EID
		}
		if len(all) < 64 || len(all) != len(paged) {
			t.Errorf("%d in one page, %d in pages of 7", len(all), len(paged))
			continue
		}
		for i := range all {
			if all[i].EID != paged[i].EID {
				t.Errorf("%d-th: %s in one page, %s in pages of 7", i, all[i].EID, paged[i].EID)
			}
		}
	}
}
