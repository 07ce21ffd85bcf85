package mapserver

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
)

// A mapping that says it has no parts has none, whatever was put and removed.
func TestPartsIsNeverWronglyFalse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, have := newDatabase(), map[lisp.EID]*mapping{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			bits := rapid.IntRange(0, 12).Draw(t, "bits")
			high := rapid.Uint16().Draw(t, "address")
			addr := netip.AddrFrom4([4]byte{byte(high >> 8), byte(high)})
			eid := lisp.EID{Prefix: netip.PrefixFrom(addr, bits).Masked()}
			if m := have[eid]; m != nil && rapid.Bool().Draw(t, "remove") {
				db.remove(m)
				delete(have, eid)
			} else {
				m := &mapping{eid: eid}
				db.put(m)
				have[eid] = m
			}
			for _, m := range have {
				if !m.parts && db.divided(m.eid) {
					t.Fatalf("%s is divided and does not know", m.eid)
				}
			}
		}
	})
}

// A short record is in one piece with its mapping, and appending to it does not
// reach what follows.
func TestNewMapping(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 64, 65, 300} {
		record := make([]byte, n)
		for i := range record {
			record[i] = byte(i)
		}
		m := newMapping(record)
		if string(m.record) != string(record) {
			t.Errorf("%d bytes became %d", n, len(m.record))
		}
		if n > 0 {
			record[0] = 99
			if m.record[0] == 99 {
				t.Errorf("a record of %d bytes is shared", n)
			}
		}
	}
}
