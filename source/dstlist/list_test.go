package dstlist_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
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
