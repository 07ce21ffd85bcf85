package dstlist_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
	"pgregory.net/rapid"
)

var payload = wire.Identify(7, []byte("media"))

// eid is the n-th viewer's address of either family.
func eid(n int, v6 bool) netip.Addr {
	if v6 {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[13], a[14], a[15] = byte(n>>16), byte(n>>8), byte(n)
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// rloc is the n-th site's locator; that of site 0 is not known.
func rloc(n int) netip.Addr {
	if n == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)})
}

// decode returns the viewers that a header packet names.
func decode(t interface{ Fatalf(string, ...any) }, packet []byte) []netip.AddrPort {
	var h4 wire.Header4
	var h6 wire.Header6
	var all []netip.AddrPort
	switch {
	case h4.Decode(packet) == nil && h4.ID == payload:
		for v := range h4.Viewers() {
			all = append(all, v)
		}
	case h6.Decode(packet) == nil && h6.ID == payload:
		for v := range h6.Viewers() {
			all = append(all, v)
		}
	default:
		t.Fatalf("%x is no header of the payload", packet)
	}
	return all
}

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

// Viewers of one site share header packets, and sites follow each other by
// RLOC; those without one come first and alone, those by unicast last.
func TestOrder(t *testing.T) {
	list := dstlist.New(dstlist.Options{ListSize: 3})
	for n, site := range []int{2, 1, 2, 0, 2, 1, 2, 0, 2} {
		if _, err := list.Join(dstlist.Viewer{EID: eid(n, false), Port: 5004, RLOC: rloc(site)}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	b := dstlist.NewBatch(0, 64)
	for n := range 2 {
		v := dstlist.Viewer{EID: eid(10+n, false), Port: 5004, RLOC: rloc(1), Unicast: true}
		if _, err := list.Join(v, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := list.Begin(time.Now()); n != 7 {
		t.Errorf("%d packets announced, want 7", n)
	}
	b.Reset(64)
	if more, err := list.Next(time.Now(), payload, b); more || err != nil {
		t.Fatal(more, err)
	}
	list.End()
	var got string
	for _, p := range b.Packets() {
		got += "|"
		for _, v := range decode(t, p) {
			a := v.Addr().As4()
			got += fmt.Sprint(a[3])
		}
	}
	if want := "|3|7|15|024|68"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if b.RLOC(0).IsValid() || b.RLOC(2) != rloc(1) || b.RLOC(4) != rloc(2) {
		t.Errorf("RLOCs %v, %v, %v", b.RLOC(0), b.RLOC(2), b.RLOC(4))
	}
	if u := b.Unicast(); len(u) != 2 || u[1] != (dstlist.Destination{Viewer: netip.AddrPortFrom(eid(11, false), 5004), RLOC: rloc(1)}) {
		t.Errorf("unicast to %v", u)
	}
}

// Who changes from one to the other is counted; who was not resolved before has
// not changed.
func TestCounts(t *testing.T) {
	list := dstlist.New(dstlist.Options{})
	id, err := list.Join(dstlist.Viewer{EID: eid(1, false), Port: 1}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []dstlist.Delivery{{Unicast: true}, {RLOC: rloc(1)}, {RLOC: rloc(2)}, {Unicast: true}, {}} {
		list.Begin(time.Now())
		if !list.Regroup(id, to) || !list.Regroup(id, to) {
			t.Fatal("there is no viewer")
		}
		list.End()
		list.Begin(time.Now())
		list.End()
	}
	if got, want := list.Counts(), (dstlist.Counts{Unresolved: 1, ToCoreCast: 2, ToUnicast: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestRefused(t *testing.T) {
	four, six := dstlist.New(dstlist.Options{}), dstlist.New(dstlist.Options{IPv6: true})
	for _, c := range []struct {
		list *dstlist.List
		v    dstlist.Viewer
	}{
		{four, dstlist.Viewer{Port: 1}},
		{four, dstlist.Viewer{EID: eid(1, false)}},
		{four, dstlist.Viewer{EID: eid(1, true), Port: 1}},
		{six, dstlist.Viewer{EID: eid(1, false), Port: 1}},
		{six, dstlist.Viewer{EID: netip.MustParseAddr("::ffff:10.0.0.1"), Port: 1}},
		{six, dstlist.Viewer{EID: netip.MustParseAddr("fe80::1%eth0"), Port: 1}},
	} {
		if _, err := c.list.Join(c.v, time.Time{}); !errors.Is(err, dstlist.ErrViewer) {
			t.Errorf("%+v: %v", c.v, err)
		}
	}
}

// Lists share a limit; who leaves makes room.
func TestLimit(t *testing.T) {
	limit := dstlist.NewLimit(3)
	a, b := dstlist.New(dstlist.Options{Limit: limit}), dstlist.New(dstlist.Options{Limit: limit})
	join := func(l *dstlist.List, n int) (dstlist.ID, error) {
		return l.Join(dstlist.Viewer{EID: eid(n, false), Port: 1}, time.Now().Add(time.Minute))
	}
	first, err := join(a, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err2 := join(b, 1)
	_, err3 := join(b, 2)
	if _, err := join(a, 2); !errors.Is(err, dstlist.ErrFull) || err2 != nil || err3 != nil {
		t.Fatal(err, err2, err3)
	}
	a.Leave(first)
	if _, err := join(a, 2); err != nil || limit.Used() != 3 {
		t.Errorf("%v, %d used", err, limit.Used())
	}
	b.Expire(time.Now().Add(time.Hour))
	if limit.Used() != 1 {
		t.Errorf("%d used after expiry, want 1", limit.Used())
	}
}

// Expiry is told to whoever asked for it.
func TestExpiredNews(t *testing.T) {
	list := dstlist.New(dstlist.Options{KeepExpired: true})
	v := dstlist.Viewer{EID: eid(1, false), Port: 9, RLOC: rloc(1)}
	id, err := list.Join(v, time.Now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	list.Expire(time.Now().Add(500 * time.Millisecond))
	if got := list.TakeExpired(nil); len(got) != 0 {
		t.Fatalf("expired early: %v", got)
	}
	list.Expire(time.Now().Add(time.Second))
	select {
	case <-list.ExpiredNews():
	default:
		t.Error("no news")
	}
	if got := list.TakeExpired(nil); len(got) != 1 || got[0] != (dstlist.Expired{ID: id, Viewer: v}) {
		t.Errorf("%+v", got)
	}
	if got := list.TakeExpired(nil); len(got) != 0 {
		t.Errorf("again: %+v", got)
	}
}
