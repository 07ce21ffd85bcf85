package bmv2test

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/wire/inet"
)

const mutationSeed = 1

// heapSlack is how much the heap may grow over a run: what the runtime and the
// control plane need, not something for each packet.
const heapSlack = 8 << 20

// TestMutated runs a million wrong packets through the softswitch with our
// program: nothing crashes, nothing grows, every drop has its reason.
func TestMutated(t *testing.T) {
	packets := 500_000 // each way to grow
	if testing.Short() {
		packets = 20_000
	}
	for _, o := range []Fig2Options{{Target: Softswitch}, {Target: Softswitch, StockGrowth: true}} {
		t.Run(fmt.Sprintf("stock=%v", o.StockGrowth), func(t *testing.T) { mutateSoftswitch(t, o, packets) })
	}
}

func mutateSoftswitch(t *testing.T, o Fig2Options, packets int) {
	st := mutationT(t, o)
	before := st.counts()
	m := newMutator(corpus(st), mutationSeed)
	var planes [2]*synchronous
	for d := range planes {
		planes[d] = &synchronous{t: t, plane: st.fig.devices[SwitchName(d)].(*softswitchDevice).engine.Dataplane()}
	}
	run := func(n int) {
		for range n {
			v := m.next()
			planes[v.d].process(v.port, v.frame)
		}
	}
	run(packets / 10) // until every buffer has found its size
	heap := heapAlloc()
	run(packets - packets/10)
	if grown := int64(heapAlloc()) - int64(heap); grown > heapSlack {
		t.Errorf("the heap grew by %d bytes over %d packets, want at most %d", grown, packets, heapSlack)
	}
	for d, p := range planes {
		if n := p.plane.Stats().Panics; n != 0 {
			t.Errorf("%s: %d packets met a bug of the engine", SwitchName(d), n)
		}
	}
	reportDrops(st, before, packets)
	afterMutation(st)
}

// synchronous runs frames through a switch's data plane without its ports; what
// leaves by the loop comes back in.
type synchronous struct {
	t     *testing.T
	plane *engine.Dataplane
	loop  [][]byte
	spare [][]byte
}

func (s *synchronous) process(port uint32, frame []byte) {
	s.plane.Process(port, frame, s.emit)
	for passes := 0; len(s.loop) > 0; passes++ {
		if passes == 64 {
			s.t.Fatalf("a frame goes round for ever: %x", frame)
		}
		back := s.loop[0]
		s.loop = s.loop[1:]
		s.plane.Process(loopIn, back, s.emit)
		s.spare = append(s.spare, back)
	}
}

func (s *synchronous) emit(port uint32, frame []byte) {
	switch port {
	case loopOut:
		var buffer []byte
		if n := len(s.spare); n > 0 {
			buffer, s.spare = s.spare[n-1], s.spare[:n-1]
		}
		s.loop = append(s.loop, append(buffer[:0], frame...))
	case LocalPort, TransitPort, SecondPort, build.CPUPort:
	default:
		s.t.Fatalf("a frame left by port %d: %x", port, frame)
	}
}

func heapAlloc() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// mutateFor is the environment variable that says for how long TestMutatedBMv2
// runs, such as 10m.
const mutateFor = "CORECAST_MUTATE_FOR"

// mutationLimit says for how many packets TestMutatedBMv2 runs, or until when.
func mutationLimit(t *testing.T) (packets int, until time.Time) {
	if text := os.Getenv(mutateFor); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			t.Fatalf("%s=%s: want a time such as 10m", mutateFor, text)
		}
		return math.MaxInt, time.Now().Add(d)
	}
	if os.Getenv("CORECAST_REQUIRE_BMV2") == "" {
		return 2_000, time.Now().Add(time.Hour)
	}
	return 50_000, time.Now().Add(time.Hour)
}

// TestMutatedBMv2 does the same to a real bmv2, as fast as its queues allow.
func TestMutatedBMv2(t *testing.T) {
	needBMv2(t)
	packets, until := mutationLimit(t)
	st := mutationT(t, Fig2Options{Target: BMv2})
	before := st.counts()
	m := newMutator(corpus(st), mutationSeed)
	limit := paceOf(BMv2)
	sent := 0
	for ; sent < packets && time.Now().Before(until); sent++ {
		v := m.next()
		if len(v.frame) < inet.EthernetSize {
			continue // Linux sends no such frame
		}
		if v.port == TransitPort {
			st.inject(v.d, v.frame)
		} else {
			st.burst(hostName(v.d), v.frame)
		}
		if sent%limit.burst == 0 {
			time.Sleep(limit.gap)
			if err := st.fig.Alive(); err != nil {
				t.Fatalf("after %d packets of seed %d: %v", sent+1, mutationSeed, err)
			}
			st.seen.take()
		}
	}
	st.settle()
	reportDrops(st, before, sent)
	afterMutation(st)
}

// mutationT builds a dual-stack network in which ETR 1 delivers the IPv6 pair by
// multicast.
func mutationT(t *testing.T, o Fig2Options) *T {
	o.DualStack, o.SecondPort = true, true
	st := &T{T: t, stage: newStage(t, o), ctx: context.Background(), covered: &coverage{cells: make(map[cell]bool)}}
	st.groupReplicas()
	st.controls[1].write(st, st.ipv6().multicastEntries()...)
	return st
}

// reportDrops says how many of the packets were dropped for which reason.
func reportDrops(t *T, before counts, packets int) {
	after := t.counts()
	var parts []string
	for reason, name := range build.DropReasons {
		n := uint64(0)
		for d := range t.controls {
			c := drop(d, int64(reason))
			n += after[c] - before[c]
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name.Name, n))
		}
	}
	if len(parts) == 0 {
		t.Error("nothing was dropped: the mutations do not reach the program")
	}
	t.Logf("%d mutated packets; dropped: %s", packets, strings.Join(parts, ", "))
}

// afterMutation checks that the switches still do their work.
func afterMutation(t *T) {
	for _, length := range []int{1, 1316} {
		deliver(t, length)
		t.media(1)
	}
	deliverList(t, 1, build.MaxEntries)
}
