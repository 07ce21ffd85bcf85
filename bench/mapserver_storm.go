package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/corecast/corecast/mapserver/udp"
)

const (
	// stormRate is how many records a second are registered in a storm.
	stormRate = 100_000
	// stormTick is how often some of them are sent.
	stormTick = time.Millisecond
	// lookupWindow and lookupPause make some ten thousand lookups a second: a
	// load that leaves room, so that what is timed is not the queue.
	lookupWindow = 4
	lookupPause  = 100 * time.Microsecond
)

// storm times lookups while others register, beside lookups while the same
// Map-Registers go elsewhere: so the clients cost the same. What is registered
// is there already; or it moves, each record to another RLOC than before.
func (m *mapServerBench) storm(ctx context.Context) error {
	size := min(registered, m.o.Sizes[len(m.o.Sizes)-1])
	sink, err := udp.OpenSocket(loopback, 0)
	if err != nil {
		return err
	}
	defer sink.Close()
	return m.withProcess(childConfig{}, func(server *process) error {
		if err := server.fill(0, size); err != nil {
			return err
		}
		for _, what := range []struct {
			name string
			move int
		}{{"refreshed", 0}, {"moved", 1}} {
			var quiet, stormy []float64
			for turn := range m.o.Turns {
				generation := what.move * (turn + 1)
				elsewhere, err := m.lookupsIn(ctx, server.address, sink.Local(), size, generation)
				if err != nil {
					return err
				}
				here, err := m.lookupsIn(ctx, server.address, server.address, size, generation)
				if err != nil {
					return err
				}
				quiet, stormy = append(quiet, microseconds(elsewhere)), append(stormy, microseconds(here))
			}
			m.report.addSeries(series{fmt.Sprintf("p99 of lookups while %d records a second are %s", stormRate, what.name), "µs", stormy},
				series{"p99 of lookups while the Map-Registers of records " + what.name + " go elsewhere", "µs", quiet})
		}
		return nil
	})
}

// lookupsIn returns the p99 of lookups while Map-Registers go to an address.
func (m *mapServerBench) lookupsIn(ctx context.Context, server, registers netip.AddrPort, size, generation int) (time.Duration, error) {
	packets, err := tableRegisters(0, size, generation%2)
	if err != nil {
		return 0, err
	}
	a, err := newAsker(server, size, lookupWindow, replyNonce, uint64(generation))
	if err != nil {
		return 0, err
	}
	defer a.close()
	a.pause = lookupPause
	runtime.GC() // not while it is timed
	storming, cancel := context.WithCancel(ctx)
	var storm error
	var wg sync.WaitGroup
	wg.Go(func() { storm = blow(storming, registers, packets) })
	got, err := a.run(ctx, m.o.Slice)
	cancel()
	wg.Wait()
	if err := errors.Join(err, storm); err != nil {
		return 0, err
	}
	return got.latencies.quantile(0.99), nil
}

// blow sends Map-Registers at the rate of a storm, and does not wait for their
// Map-Notifies, until ctx ends.
func blow(ctx context.Context, to netip.AddrPort, packets [][]byte) error {
	from, err := registrarAddr(to)
	if err != nil {
		return err
	}
	socket, err := udp.OpenSocket(from, 0)
	if err != nil {
		return err
	}
	defer socket.Close()
	var sender udp.Sender
	ticker := time.NewTicker(stormTick)
	defer ticker.Stop()
	start, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			due := int(now.Sub(start).Seconds() * stormRate / recordsPerRegister)
			for ; sent < due; sent++ {
				sender.Send(socket, []udp.Datagram{{Remote: to, Payload: packets[sent%len(packets)]}})
			}
		}
	}
}
