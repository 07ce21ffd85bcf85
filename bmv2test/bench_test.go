package bmv2test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// BenchmarkForward measures the softswitch and stock bmv2 beside each other,
// with our program on the same kind of veth pairs. Run it with -benchtime 1x:
// each measurement takes its own time.
func BenchmarkForward(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs network namespaces: run as root")
	}
	targets := []Target{SoftswitchLinux}
	if _, err := exec.LookPath(BMv2Binary); err == nil {
		targets = append(targets, BMv2)
	} else {
		b.Logf("%s is not on PATH, nothing to compare with: %s", BMv2Binary, BMv2Hint)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var benches []*Bench
	for _, target := range targets {
		bench, err := NewBench(ctx, target)
		if err != nil {
			b.Fatal(err)
		}
		defer func() {
			if err := bench.Close(); err != nil {
				b.Error(err)
			}
		}()
		benches = append(benches, bench)
	}
	for _, load := range Loads() {
		b.Run(string(load), func(b *testing.B) {
			best := make([]float64, len(benches))
			for b.Loop() {
				for i, bench := range benches {
					rate, err := bench.Run(b.Context(), load, time.Second)
					if err != nil {
						b.Fatal(err)
					}
					if rate.Lost > 0 {
						b.Logf("%s lost %d of %d", targets[i], rate.Lost, rate.Packets+rate.Lost)
					}
					best[i] = max(best[i], rate.PerSecond())
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, pps := range best {
				b.ReportMetric(pps, string(targets[i])+"-pkt/s")
			}
			if len(best) > 1 {
				b.ReportMetric(best[0]/best[1], "ratio")
			}
		})
	}
}
