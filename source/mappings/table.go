package mappings

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"
)

// entry is a mapping in the table, of one prefix all its life. Client.mu guards
// what is not atomic.
type entry struct {
	Mapping
	example netip.Addr   // the EID that was asked for
	used    atomic.Int64 // when it was looked up last: seconds since the epoch

	refresh    time.Time // when it is asked for again
	asked      time.Time // when it was last
	notified   time.Time // when the Map-Server told of it last
	asking     bool
	again      bool // it was solicited while it was asked for: the answer may be older
	failures   int
	subscribed bool
}

// table finds the mapping of an EID.
type table struct {
	entries bart.Table[*entry]
	size    int
}

func (t *table) get(p netip.Prefix) *entry {
	e, _ := t.entries.Get(p)
	return e
}

func (t *table) put(p netip.Prefix, e *entry) {
	if _, there := t.entries.Get(p); !there {
		t.size++
	}
	t.entries.Insert(p, e)
}

func (t *table) remove(p netip.Prefix) bool {
	if _, there := t.entries.Get(p); !there {
		return false
	}
	t.entries.Delete(p)
	t.size--
	return true
}

// around calls do for all entries that a prefix is part of, or that are part of
// it.
func (t *table) around(p netip.Prefix, do func(*entry)) {
	for q, e := range t.entries.Supernets(p) {
		if q != p {
			do(e)
		}
	}
	for _, e := range t.entries.Subnets(p) {
		do(e)
	}
}

// all calls do for all entries.
func (t *table) all(do func(*entry)) {
	for _, e := range t.entries.All() {
		do(e)
	}
}
