package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// BenchmarkWrite creates channels over REST beside 10,000 others, on twenty
// switches that nobody answers for, and reports what a durable write costs beside
// a bare fsync of the same disk.
//
//	go test ./cmd/corecast/node -run '^$' -bench 'Write$' -benchtime 500x -timeout 20m
func BenchmarkWrite(b *testing.B) {
	const channels, switches, writers = 10_000, 20, 8
	cfg := manyChannels(b, switches)
	n, _ := startBench(b, cfg)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	put := func(i int) time.Duration {
		start := time.Now()
		body := fmt.Sprintf(`{"site":"s%d","source_eid":"10.%d.0.10","ingress":{"switch":"itr%d","port":1},"rate":"4Mbps"}`, i%switches, i%switches, i%switches)
		r, _ := http.NewRequest("PUT", fmt.Sprintf("%s/api/v1/channels/c%d", n.URL(), i), strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			b.Fatalf("channel %d: %s", i, resp.Status)
		}
		return time.Since(start)
	}
	inParallel := func(first, count int) []time.Duration {
		var mu sync.Mutex
		var all []time.Duration
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := first + w; i < first+count; i += writers {
					d := put(i)
					mu.Lock()
					all = append(all, d)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return all
	}
	inParallel(0, channels)
	b.ResetTimer()
	var alone []time.Duration
	for i := range b.N {
		alone = append(alone, put(channels+i))
		time.Sleep(2 * time.Millisecond)
	}
	b.StopTimer()
	report(b, "alone", alone)
	report(b, "eight", inParallel(channels+b.N, b.N))
	report(b, "fsync", fsyncs(b, b.N))
}

func report(b *testing.B, name string, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), name+"-p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), name+"-p99-µs")
}

// fsyncs measures writes of a page with fsync.
func fsyncs(b *testing.B, n int) (all []time.Duration) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for range n {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(start))
		time.Sleep(2 * time.Millisecond)
	}
	return all
}

func manyChannels(b *testing.B, switches int) *config.Config {
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody answers there
	if err != nil {
		b.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	var y strings.Builder
	fmt.Fprintf(&y, "listen: { http: \"127.0.0.1:0\" }\nstore: \"file:%s\"\nswitches:\n", filepath.Join(b.TempDir(), "db"))
	for i := range switches {
		fmt.Fprintf(&y, "  - { name: itr%d, address: %q, device_id: %d, site: s%d, ports: [ { id: 1, role: local, address: 10.%d.0.1/24 }, { id: 2, role: transit, address: 192.0.2.%d/24 } ] }\n", i, nobody, i, i, i, i+1)
	}
	y.WriteString("sites:\n")
	for i := range switches {
		fmt.Fprintf(&y, "  - { name: s%d, eid_prefixes: [10.%d.0.0/16], reserved_eids: 10.%d.128.0/17, rlocs: [ { address: 192.0.2.%d } ], corecast: true, accept_streams: %s }\n",
			i, i, i, i+1, map[bool]string{true: "known", false: "none"}[i == 0])
	}
	cfg, err := config.Decode("bench.yaml", []byte(y.String()))
	if err != nil {
		b.Fatal(err)
	}
	return cfg
}

func startBench(b *testing.B, cfg *config.Config) (*Node, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	n, err := Open(ctx, cfg, Options{})
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Run(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait() })
	return n, cancel
}
