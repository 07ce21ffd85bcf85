package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clusterFault breaks something and mends it. It returns when the nodes that are
// there have all switches again.
type clusterFault struct {
	name string
	do   func(*arena)
}

// The first are those that every run makes, in order.
var clusterFaults = []clusterFault{
	{"kill -9 of a node", func(a *arena) {
		n, others := a.someNode()
		a.taken(a.mastered(n, n), func() { n.end(syscall.SIGKILL) })
		a.quiet(others...)
		a.start(n)
	}},
	{"a node is stopped and goes on", func(a *arena) {
		n, others := a.someNode()
		a.taken(a.mastered(n, n), func() { a.signal(n, syscall.SIGSTOP) })
		a.quiet(others...)
		a.signal(n, syscall.SIGCONT)
	}},
	{"kill -9 of etcd's leader", func(a *arena) {
		leader := a.etcd.Leader()
		a.etcd.Kill(leader)
		a.quiet(a.nodes...)
		a.etcd.Restart(leader)
	}},
	{"a node ends", func(a *arena) {
		n, others := a.someNode()
		a.taken(a.mastered(n, n), func() { a.check(n.end(syscall.SIGTERM)) })
		a.quiet(others...)
		a.start(n)
	}},
	{"a node is cut off from etcd", func(a *arena) {
		n, others := a.someNode()
		a.taken(a.mastered(n, n), n.access.Stall)
		a.quiet(others...)
		n.access.Restore()
	}},
	{"a node's connections to etcd break", func(a *arena) {
		n, others := a.someNode()
		a.taken(a.mastered(n, n), n.access.Break)
		a.quiet(others...)
		n.access.Restore()
	}},
	{"a node is stopped for less than its lease", func(a *arena) {
		n, _ := a.someNode()
		a.signal(n, syscall.SIGSTOP)
		time.Sleep(time.Duration(a.rand.IntN(2000)) * time.Millisecond) // this is the fault
		a.signal(n, syscall.SIGCONT)
	}},
	{"kill -9 of an etcd member", func(a *arena) {
		m := a.rand.IntN(nodeCount)
		a.etcd.Kill(m)
		a.quiet(a.nodes...)
		a.etcd.Restart(m)
	}},
	{"etcd's leader is stopped and goes on", func(a *arena) {
		leader := a.etcd.Leader()
		a.etcd.Freeze(leader)
		a.quiet(a.nodes...)
		a.etcd.Thaw(leader)
	}},
	{"etcd's leader is cut off from the other members", func(a *arena) {
		a.etcd.Isolate(a.etcd.Leader())
		a.quiet(a.nodes...)
		a.etcd.Heal()
	}},
	{"etcd loses its majority", func(a *arena) {
		a.etcd.Kill(0, 1)
		time.Sleep(time.Duration(a.rand.IntN(4000)) * time.Millisecond) // this is the fault
		a.etcd.Restart(0, 1)
		a.etcd.Await()
	}},
	{"kill -9 of a node and of etcd's leader", func(a *arena) {
		n, others := a.someNode()
		leader := a.etcd.Leader()
		n.end(syscall.SIGKILL)
		a.etcd.Kill(leader)
		a.quiet(others...)
		a.etcd.Restart(leader)
		a.start(n)
	}},
	{"kill -9 of two nodes, one after the other", func(a *arena) {
		n, others := a.someNode()
		m := others[a.rand.IntN(len(others))]
		a.signal(n, syscall.SIGSTOP) // the switches promote it when m has gone
		time.Sleep(time.Duration(a.rand.IntN(3000)) * time.Millisecond)
		m.end(syscall.SIGKILL)
		a.signal(n, syscall.SIGCONT)
		a.start(m)
	}},
}

// someNode chooses a node.
func (a *arena) someNode() (n *arenaNode, others []*arenaNode) {
	i := a.rand.IntN(len(a.nodes))
	others = append(append(others, a.nodes[:i]...), a.nodes[i+1:]...)
	return a.nodes[i], others
}

// firstFaults are those of every run.
const firstFaults = 4

// TestClusterFaults breaks three controllers and their etcd while media flows and
// the configuration changes: a few ways, or as many random ones as
// CORECAST_FAULTS says, as they follow from CORECAST_SEED.
func TestClusterFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs three controllers and three etcd members as processes")
	}
	faults, _ := strconv.Atoi(os.Getenv("CORECAST_FAULTS"))
	seed, err := strconv.ParseUint(os.Getenv("CORECAST_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("CORECAST_SEED=%d", seed)
	a := newArena(t, seed)
	a.quiet(a.nodes...)
	ctx, stop := context.WithCancel(context.Background())
	streamed := make(chan error, 1)
	go func() { streamed <- a.stream(ctx) }()
	t.Cleanup(stop)

	for i := range max(faults, firstFaults) {
		f := clusterFaults[i%len(clusterFaults)]
		if faults > 0 {
			f = clusterFaults[a.rand.IntN(len(clusterFaults))]
		}
		start := time.Now()
		a.took = 0
		f.do(a)
		a.quiet(a.nodes...)
		taken := ""
		if a.took > 0 {
			taken = fmt.Sprintf("others had its switches after %.2f s, ", a.took.Seconds())
		}
		t.Logf("%3d %s: %sall was right again after %.1f s", i+1, f.name, taken, time.Since(start).Seconds())
		if wrong := a.wrong(); len(wrong) > 0 {
			t.Fatalf("after fault %d, %s:\n%s", i+1, f.name, strings.Join(wrong, "\n"))
		}
	}

	wanted := a.editor.verify()
	a.settled(a.nodes...)
	stop()
	if err := <-streamed; err != nil {
		t.Errorf("viewers lost something: %v", err)
	}
	refused := 0
	for _, w := range a.witnesses {
		w.mu.Lock()
		refused += w.refused
		w.mu.Unlock()
	}
	for _, n := range a.nodes {
		a.check(n.end(syscall.SIGTERM))
	}
	a.compare(wanted)
	t.Logf("%d payloads to %d viewers, none lost; %d changes acknowledged, %d not; %d writes of old masters refused",
		a.streamed, len(a.fig.Viewers), a.editor.acknowledged, a.editor.unknown, refused)
}
