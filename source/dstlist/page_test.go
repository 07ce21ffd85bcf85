package dstlist_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// TestPage: every viewer that stays is in one page, whoever leaves.
func TestPage(t *testing.T) {
	l := dstlist.New(dstlist.Options{})
	if viewers, _, ok := l.Page(0); len(viewers) != 0 || ok {
		t.Errorf("an empty list has %v, and more: %v", viewers, ok)
	}
	const all = 1000
	want := map[netip.AddrPort]bool{}
	for i := range all {
		v := dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Port: 5004}
		id, err := l.Join(v, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			l.Leave(id)
			continue
		}
		want[netip.AddrPortFrom(v.EID, v.Port)] = true
	}
	pages := 0
	for from, ok := uint32(0), true; ok; pages++ {
		var viewers []dstlist.Viewer
		viewers, from, ok = l.Page(from)
		for _, v := range viewers {
			a := netip.AddrPortFrom(v.EID, v.Port)
			if !want[a] {
				t.Errorf("%v again, or it has left", a)
			}
			delete(want, a)
		}
	}
	if len(want) != 0 || pages < 2 {
		t.Errorf("%d pages; left out: %v", pages, want)
	}
}
