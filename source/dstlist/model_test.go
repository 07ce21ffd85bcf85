package dstlist_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
	"pgregory.net/rapid"
)

// The list against a slow, obvious model of it.

// oracle is the slow, obvious list.
type oracle struct {
	now     time.Time
	members map[dstlist.ID]*member
}

type member struct {
	viewer  dstlist.Viewer
	expires time.Time // zero for never
	moving  bool      // to another site, with the next round
}

func (o *oracle) at(v dstlist.Viewer) (dstlist.ID, bool) {
	for id, m := range o.members {
		if m.viewer.EID == v.EID && m.viewer.Port == v.Port {
			return id, true
		}
	}
	return 0, false
}

// expire drops whose lease ends in the present tick, as the list does.
func (o *oracle) expire(list *dstlist.List, epoch time.Time) {
	tick := o.now.Sub(epoch) / dstlist.Tick
	for id, m := range o.members {
		if !m.expires.IsZero() && m.expires.Sub(epoch)/dstlist.Tick <= tick {
			delete(o.members, id)
		}
	}
}

// Whatever happens in whatever order, between rounds and during them, the list
// is what the oracle says and rounds serve whom they should.
func TestList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{v6: rapid.Bool().Draw(t, "v6"), size: rapid.IntRange(1, wire.MaxEntries).Draw(t, "list")}
		m.list = dstlist.New(dstlist.Options{IPv6: m.v6, ListSize: m.size, KeepExpired: true})
		m.epoch = dstlist.Epoch(m.list)
		m.oracle = oracle{now: m.epoch, members: map[dstlist.ID]*member{}}
		t.Repeat(map[string]func(*rapid.T){
			"join":    m.join,
			"join2":   m.join,
			"join3":   m.join,
			"leave":   m.leave,
			"renew":   m.renew,
			"regroup": m.regroup,
			"review":  m.review,
			"pass":    m.pass,
			"round":   m.round,
			"":        m.check,
		})
	})
}

type machine struct {
	list   *dstlist.List
	v6     bool
	size   int
	epoch  time.Time
	oracle oracle
}

func (m *machine) draw(t *rapid.T) dstlist.Viewer {
	to := delivery(t)
	return dstlist.Viewer{
		EID:  eid(rapid.IntRange(0, 30).Draw(t, "eid"), m.v6),
		Port: uint16(rapid.IntRange(1, 3).Draw(t, "port")),
		Word: rapid.SampledFrom([]dstlist.Word{dstlist.Auto, dstlist.CoreCast, dstlist.Unicast}).Draw(t, "word"),
		RLOC: to.RLOC, Unicast: to.Unicast,
	}
}

func delivery(t *rapid.T) dstlist.Delivery {
	return dstlist.Delivery{RLOC: rloc(rapid.IntRange(0, 4).Draw(t, "site")), Unicast: rapid.Bool().Draw(t, "unicast")}
}

func (m *machine) lease(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "for ever") {
		return time.Time{}
	}
	return m.oracle.now.Add(dstlist.Tick + time.Duration(rapid.Int64Range(0, int64(2000*time.Second)).Draw(t, "lease")))
}

// some returns the ID of one of the viewers, or one that never was.
func (m *machine) some(t *rapid.T) dstlist.ID {
	if id, ok := m.oracle.at(m.draw(t)); ok {
		return id
	}
	return dstlist.ID(rapid.Uint64().Draw(t, "id"))
}

func (m *machine) join(t *rapid.T) {
	v, expires := m.draw(t), m.lease(t)
	id, err := m.list.Join(v, expires)
	if there, ok := m.oracle.at(v); ok {
		if !errors.Is(err, dstlist.ErrPresent) || id != there {
			t.Fatalf("join of one who is there: %d, %v; want %d", id, err, there)
		}
		return
	}
	if err != nil || m.oracle.members[id] != nil {
		t.Fatalf("join: %d, %v", id, err)
	}
	m.oracle.members[id] = &member{viewer: v, expires: expires}
}

func (m *machine) leave(t *rapid.T) {
	id := m.some(t)
	v, ok := m.list.Leave(id)
	if want := m.oracle.members[id]; (want != nil) != ok || ok && v.EID != want.viewer.EID {
		t.Fatalf("leave: %v, %v; want %+v", v, ok, want)
	}
	delete(m.oracle.members, id)
}

func (m *machine) renew(t *rapid.T) {
	id, expires := m.some(t), m.lease(t)
	if want := m.oracle.members[id]; m.list.Renew(id, expires) != (want != nil) {
		t.Fatalf("renew: want %+v", want)
	} else if want != nil {
		want.expires = expires
	}
}

func (m *machine) regroup(t *rapid.T) {
	id, to := m.some(t), delivery(t)
	want := m.oracle.members[id]
	if m.list.Regroup(id, to) != (want != nil) {
		t.Fatalf("regroup: want %+v", want)
	}
	want.move(to)
}

func (m *member) move(to dstlist.Delivery) {
	if m != nil {
		m.viewer.RLOC, m.viewer.Unicast, m.moving = to.RLOC, to.Unicast, true
	}
}

// review sends the viewers of some ports elsewhere.
func (m *machine) review(t *rapid.T) {
	to, port := delivery(t), uint16(rapid.IntRange(1, 3).Draw(t, "port"))
	asked, want := 0, 0
	got := m.list.Review(func(v dstlist.Viewer) (dstlist.Delivery, bool) {
		asked++
		return to, v.Port == port
	})
	for _, member := range m.oracle.members {
		if member.viewer.Port == port {
			if member.viewer.Delivery() != to {
				want++
			}
			member.move(to)
		}
	}
	if asked != len(m.oracle.members) || got != want {
		t.Fatalf("review asked for %d of %d viewers and regrouped %d, want %d", asked, len(m.oracle.members), got, want)
	}
}

func (m *machine) pass(t *rapid.T) {
	m.oracle.now = m.oracle.now.Add(time.Duration(rapid.Int64Range(0, int64(900*time.Second)).Draw(t, "time")))
	m.list.Expire(m.oracle.now)
	m.oracle.expire(m.list, m.epoch)
}

// round sends a round in small batches, with all the rest between them.
func (m *machine) round(t *rapid.T) {
	b := dstlist.NewBatch(rapid.IntRange(0, 62).Draw(t, "headroom"), 64)
	packets := m.list.Begin(m.oracle.now)
	m.oracle.expire(m.list, m.epoch)
	all := map[dstlist.ID]dstlist.Viewer{} // those who should be served once
	for id, member := range m.oracle.members {
		all[id], member.moving = member.viewer, false
	}
	quiet := rapid.Bool().Draw(t, "quiet")
	served := map[netip.AddrPort]int{}
	sent := 0
	for more := true; more; {
		b.Reset(rapid.IntRange(1, 5).Draw(t, "batch"))
		var err error
		if more, err = m.list.Next(m.oracle.now, payload, b); err != nil {
			t.Fatal(err)
		}
		m.oracle.expire(m.list, m.epoch)
		now := map[netip.AddrPort]bool{} // who is there when this batch leaves
		for _, member := range m.oracle.members {
			now[netip.AddrPortFrom(member.viewer.EID, member.viewer.Port)] = true
		}
		entries := 0
		for _, p := range b.Packets() {
			sent++
			for _, v := range decode(t, p[dstlist.Headroom(b):]) {
				entries++
				served[v]++
				if !now[v] {
					t.Fatalf("%v was served, and is not in the list", v)
				}
			}
		}
		for _, d := range b.Unicast() {
			sent++
			served[d.Viewer]++
			if !now[d.Viewer] {
				t.Fatalf("%v was served, and is not in the list", d.Viewer)
			}
		}
		if entries != b.Entries() {
			t.Fatalf("a batch of %d entries says %d", entries, b.Entries())
		}
		if more && !quiet {
			rapid.SampledFrom([]func(*rapid.T){m.join, m.leave, m.renew, m.regroup, m.review, m.pass, m.join}).Draw(t, "meanwhile")(t)
		}
	}
	m.list.End()
	if quiet && sent != packets {
		t.Fatalf("%d packets in a quiet round, announced %d", sent, packets)
	}
	for id, v := range all {
		n := served[netip.AddrPortFrom(v.EID, v.Port)]
		if _, still := m.oracle.members[id]; still && n != 1 {
			t.Fatalf("%v was there all through the round and was served %d times", v, n)
		}
	}
}

func (m *machine) check(t *rapid.T) {
	if m.list.Len() != len(m.oracle.members) {
		t.Fatalf("%d viewers, want %d", m.list.Len(), len(m.oracle.members))
	}
	settled, counts := true, dstlist.Counts{}
	for id, want := range m.oracle.members {
		v, expires, ok := m.list.Get(id)
		if want.moving {
			v.RLOC, v.Unicast, settled = want.viewer.RLOC, want.viewer.Unicast, false
		}
		switch {
		case v.Unicast:
			counts.Unicast++
		case v.RLOC.IsValid():
			counts.CoreCast++
		default:
			counts.Unresolved++
		}
		if !ok || v != want.viewer || !expires.Equal(want.expires) {
			t.Fatalf("%d is %+v until %v, %v; want %+v", id, v, expires, ok, want)
		}
		if found, ok := m.list.Find(v.EID, v.Port); !ok || found != id {
			t.Fatalf("found %d, want %d", found, id)
		}
	}
	got := m.list.Counts()
	got.ToCoreCast, got.ToUnicast = 0, 0
	if settled && got != counts {
		t.Fatalf("counts %+v, want %+v", got, counts)
	}
}
