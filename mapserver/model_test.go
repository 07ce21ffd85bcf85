package mapserver

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// model is the Map-Server as one would explain it: lists of what is configured
// and what is registered, and every answer worked out from them anew.
type model struct {
	now   time.Time
	sites []Site
	regs  []modelReg
}

// modelReg is one registration; the last of a prefix is what counts, unless it
// merges.
type modelReg struct {
	eid     lisp.EID
	site    string
	xtr     lisp.XTR
	merge   bool
	ttl     uint32
	rlocs   []string // sorted
	expires time.Time
}

// owner returns the site with the longest EID-prefix that covers an EID.
func (m *model) owner(e lisp.EID) (best *Site, by netip.Prefix) {
	for i := range m.sites {
		for _, p := range m.sites[i].EIDPrefixes {
			if covers(lisp.EID{InstanceID: m.sites[i].InstanceID, Prefix: p}, e) && (best == nil || p.Bits() > by.Bits()) {
				best, by = &m.sites[i], p
			}
		}
	}
	return best, by
}

func (m *model) expire() {
	m.regs = slices.DeleteFunc(m.regs, func(r modelReg) bool { return !m.now.Before(r.expires) })
}

// register takes one record, as the latest of its prefix.
func (m *model) register(site string, x lisp.XTR, merge bool, e lisp.EID, ttl uint32, rlocs []string) {
	s, p := m.owner(e)
	if s == nil || s.Name != site || p != e.Prefix && !s.AcceptMoreSpecifics {
		return
	}
	m.regs = slices.DeleteFunc(m.regs, func(r modelReg) bool { return r.eid == e && r.xtr == x })
	if ttl > 0 {
		m.regs = append(m.regs, modelReg{e, site, x, merge, ttl, rlocs, m.now.Add(registrationTimeout)})
	}
}

// entry is what is known of one prefix.
type entry struct {
	eid      lisp.EID
	site     string
	rlocs    string // empty: unregistered
	ttl      time.Duration
	negative bool // registered without locators
}

// entries works out what is known of every prefix that anything is known of.
func (m *model) entries() map[lisp.EID]entry {
	all := map[lisp.EID]entry{}
	for _, s := range m.sites {
		for _, p := range s.EIDPrefixes {
			e := entry{eid: lisp.EID{InstanceID: s.InstanceID, Prefix: p}, site: s.Name, ttl: ttlUnregistered}
			if len(s.RLOCs) > 0 {
				e.rlocs, e.ttl = s.RLOCs[0].Address.String(), 24*time.Hour
			}
			all[e.eid] = e
		}
	}
	for _, r := range m.regs { // in order of registration
		list := []string{}
		ttl := r.ttl
		for _, o := range m.regs {
			if o.eid == r.eid && (o.xtr == r.xtr || r.merge && o.merge) {
				list = append(list, o.rlocs...)
				ttl = min(ttl, o.ttl)
			}
		}
		slices.Sort(list)
		list = slices.Compact(list)
		all[r.eid] = entry{r.eid, r.site, strings.Join(list, " "), time.Duration(ttl) * time.Minute, len(list) == 0}
	}
	return all
}

// answer works out what a Map-Request for an EID is answered with.
func (m *model) answer(e lisp.EID) string {
	all := m.entries()
	list := oracle(slices.Collect(maps.Keys(all)))
	best, found := list.find(e)
	if !found {
		return list.hole(e, 0).String() + " 15m0s Natively-Forward"
	}
	base := all[best]
	if base.rlocs == "" && !base.negative { // unregistered: what the same site has around it
		for _, c := range list {
			o := all[c]
			if covers(c, e) && o.site == base.site && (o.rlocs != "" || o.negative) && (base.rlocs == "" && !base.negative || c.Prefix.Bits() > base.eid.Prefix.Bits()) {
				base = o
			}
		}
	}
	if base.rlocs == "" && !base.negative {
		hole := list.hole(e, best.Prefix.Bits())
		return hole.String() + " 1m0s Natively-Forward"
	}
	return m.withSpecifics(all, base)
}

// withSpecifics is a mapping along with those within it.
func (m *model) withSpecifics(all map[lisp.EID]entry, base entry) string {
	group := []entry{base}
	for _, o := range all {
		if o.eid != base.eid && covers(base.eid, o.eid) && !(o.site == base.site && o.rlocs == "" && !o.negative) {
			group = append(group, o)
		}
	}
	slices.SortFunc(group[1:], func(a, b entry) int { return compareEIDs(a.eid, b.eid) })
	ttl := base.ttl
	for _, o := range group {
		ttl = min(ttl, o.ttl)
	}
	var words []string
	for _, o := range group {
		said := o.rlocs
		if said == "" {
			said = map[bool]string{true: "No-Action", false: "Natively-Forward"}[o.negative]
		}
		words = append(words, fmt.Sprintf("%s %s %s", o.eid, ttl, said))
	}
	return strings.Join(words, "; ")
}

func modelSites() []Site {
	a, b := studio(), studio()
	b.Name, b.EIDPrefixes, b.AcceptMoreSpecifics = "b", prefixes("10.1.64.0/18"), false
	b.Keys = []Key{{ID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("other")}}
	c := studio()
	c.Name, c.InstanceID, c.EIDPrefixes, c.RLOCs = "c", 7, prefixes("10.1.0.0/16", "10.1.128.0/17"), []RLOC{{Address: netip.MustParseAddr("192.0.2.60")}}
	return []Site{a, b, c}
}

// drawEntry draws one of few prefixes, most of which are some site's.
func drawEntry(t *rapid.T) lisp.EID {
	a := netip.AddrFrom4([4]byte{10, 1, rapid.SampledFrom([]byte{0, 64, 65, 128}).Draw(t, "third"), rapid.SampledFrom([]byte{0, 1, 128}).Draw(t, "fourth")})
	p, _ := a.Prefix(rapid.SampledFrom([]int{15, 16, 17, 18, 24, 25, 32}).Draw(t, "bits"))
	return lisp.EID{InstanceID: uint32(rapid.SampledFrom([]int{0, 0, 7}).Draw(t, "instance")), Prefix: p}
}

// TestServerIsTheModel lets xTRs register, refresh, withdraw and vanish, and the
// server restart, and compares every answer.
func TestServerIsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := store.NewMemory()
		defer db.Close()
		m := &model{now: start, sites: modelSites()}
		h := &harness{t: t, now: start}
		open := func() {
			s, err := New(m.now, m.sites, Options{Store: db, FlushInterval: time.Hour})
			if err != nil {
				rt.Fatal(err)
			}
			h.s = s
		}
		open()
		defer func() { h.s.Close() }()
		for nonce := range uint64(rapid.IntRange(1, 40).Draw(rt, "steps")) {
			m.now = m.now.Add(time.Millisecond)
			h.now = m.now
			switch rapid.SampledFrom([]string{"register", "register", "register", "wait", "restart"}).Draw(rt, "step") {
			case "register":
				modelRegister(rt, h, m, nonce)
			case "wait":
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(rt, "seconds")) * time.Second)
				for slices.ContainsFunc(m.regs, func(r modelReg) bool { // the server may take a second
					return !m.now.Before(r.expires) && m.now.Before(r.expires.Add(time.Second))
				}) {
					m.now = m.now.Add(time.Second)
				}
				h.advance(m.now.Sub(h.now))
				m.expire()
			case "restart":
				h.s.Close()
				open()
			}
			checkConsistent(rt, h.s)
			for range 5 {
				e := drawEntry(rt)
				e.Prefix = netip.PrefixFrom(e.Prefix.Addr(), 32)
				if got, want := h.answers(e.String()), m.answer(e); got != want {
					rt.Fatalf("%s:\n got %s\nwant %s", e, got, want)
				}
			}
		}
	})
}

// modelRegister has an xTR send a Map-Register of some records to both.
func modelRegister(t *rapid.T, h *harness, m *model, nonce uint64) {
	site := rapid.SampledFrom([]string{"studio", "b"}).Draw(t, "key")
	r := registerOf(nonce)
	r.secret = map[string]string{"studio": "sesame", "b": "other"}[site]
	r.HasXTR, r.XTR.ID[0] = true, rapid.ByteRange(1, 3).Draw(t, "xTR")
	r.Merge = rapid.Bool().Draw(t, "merge")
	type one struct {
		eid   lisp.EID
		ttl   uint32
		rlocs []string
	}
	var records []one
	for range rapid.IntRange(1, 3).Draw(t, "records") {
		o := one{eid: drawEntry(t), ttl: uint32(rapid.SampledFrom([]int{0, 5, 60}).Draw(t, "TTL"))}
		for i := range rapid.IntRange(0, 2).Draw(t, "locators") {
			o.rlocs = append(o.rlocs, "192.0.2."+itoa(10+i+rapid.IntRange(0, 3).Draw(t, "locator")))
		}
		slices.Sort(o.rlocs)
		o.rlocs = slices.Compact(o.rlocs)
		records = append(records, o)
		r.Records = append(r.Records, record(o.eid.String(), o.ttl, o.rlocs...))
	}
	h.handle(etr, r.encode(h.t))
	// The message is of the site of its first EID that is of any; then the key must be that site's.
	for _, o := range records {
		if owner, _ := m.owner(o.eid); owner != nil {
			if string(owner.Keys[0].Secret) != r.secret {
				return
			}
			site = owner.Name
			break
		}
	}
	for _, o := range records {
		m.register(site, r.XTR, r.Merge, o.eid, o.ttl, o.rlocs)
	}
}
