package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
)

// TestRandomly starts, stops, cuts off and reconnects nodes: whenever that ends, the
// nodes that are there share the switches, and election ids have only grown.
func TestRandomly(t *testing.T) {
	if testing.Short() {
		t.Skip("leases take their time")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s, switches := newSite(t), names("s", 9)
	nodes := []*node{s.start("n0", time.Second, switches...)}
	cut := map[*node]bool{}
	for i := range 20 {
		n := nodes[r.IntN(len(nodes))]
		switch r.IntN(4) {
		case 0:
			nodes = append(nodes, s.start(fmt.Sprint("n", i+1), time.Second, switches...))
		case 1:
			if len(nodes) > 1 {
				go n.stop() // it waits for the store, if that is cut
				nodes = slices.DeleteFunc(nodes, func(other *node) bool { return other == n })
				delete(cut, n)
			}
		default:
			if cut[n] {
				n.way.mend()
			} else {
				n.way.sever()
			}
			cut[n] = !cut[n]
		}
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond) // how far they get is part of what is random
	}
	for n, is := range cut {
		if is {
			n.way.mend()
		}
	}
	untilShared(t, switches, nodes...)
}

// TestMastershipsComeBack: a node that could not renew its lease for a while, which
// is still there, has its switches again under the same election ids.
func TestMastershipsComeBack(t *testing.T) {
	s, switches := newSite(t), names("s", 3)
	a := s.start("a", time.Second, switches...)
	untilShared(t, switches, a)
	entries := all(t, s.store, switchKeys)
	a.way.sever()
	until(t, func() error { // the store itself keeps the lease, as etcd does during an election
		if err := s.store.Renew(t.Context(), entries[0].Lease); err != nil {
			t.Fatal(err)
		}
		return shared(nil, a)
	})
	taken := a.takenSoFar()
	a.way.mend()
	until(t, func() error {
		_ = s.store.Renew(t.Context(), entries[0].Lease)
		return shared(switches, a)
	})
	if again := all(t, s.store, switchKeys); !slices.EqualFunc(entries, again, func(x, y store.Entry) bool {
		return x.Key == y.Key && x.Created == y.Created
	}) {
		t.Errorf("before %v\nafter %v", entries, again)
	}
	if now := a.takenSoFar(); now != taken+len(switches) {
		t.Errorf("%d sessions before, %d after", taken, now)
	}
}
