package source_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
)

// With the machinery warm, a round allocates nothing.
func TestNoAllocation(t *testing.T) {
	cfg := config(t, channel4, figure2(false))
	cfg.Pace, cfg.Clock, cfg.Opaque = source.PaceClock, new(fakeClock), false
	loop := input.FromReadSeeker("clip", clip.Open(), input.Options{Loop: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var allocs float64
	gate := make(chan struct{})
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence >= 1000 {
			gate <- struct{}{}
		}
	}
	done := make(chan error)
	go func() {
		_, err := source.Run(ctx, cfg, loop, discard{})
		done <- err
	}()
	allocs = testing.AllocsPerRun(1000, func() { <-gate })
	cancel()
	for running := true; running; {
		select {
		case <-gate:
		case err := <-done:
			running = false
			if err != nil {
				t.Error(err)
			}
		}
	}
	if allocs != 0 {
		t.Errorf("%v allocations per round", allocs)
	}
}

type discard struct{}

func (discard) Headroom() int                      { return 42 }
func (discard) Send(packets [][]byte) (int, error) { return len(packets), nil }

// The rounds of a large channel: 1 payload and 1000 headers each.
func BenchmarkRound1000(b *testing.B) {
	var viewers []dstlist.Viewer
	for i := range 1000 {
		viewers = append(viewers, dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Port: 5004})
	}
	cfg := config(b, channel4, viewers)
	ctx, cancel := context.WithCancel(b.Context())
	cfg.OnPayload = func(s source.Sent) {
		if !b.Loop() {
			cancel()
		}
	}
	frames, err := source.NewFrameSender(sink{}, cfg.Channel, [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2})
	if err != nil {
		b.Fatal(err)
	}
	endless := input.FromReadSeeker("endless", strings.NewReader(strings.Repeat("media", 10000)), input.Options{Loop: true})
	if _, err := source.Run(ctx, cfg, endless, frames); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1001, "ns/packet")
}

type sink struct{}

func (sink) Send(frames [][]byte) (int, error) { return len(frames), nil }
