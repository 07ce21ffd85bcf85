package udp_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
)

// TestConvergence logs how long after an EID moved its subscribers have the new
// RLOC: in this process, and over UDP.
func TestConvergence(t *testing.T) {
	moves := 100
	if testing.Short() {
		moves = 10
	}
	server := start(t, families[0], []mapserver.Site{studio()}, mapserver.Options{})
	etr, subscriber := newXTR(t, server.at, nil), newXTR(t, server.at, nil)
	eid := mustEID("10.1.2.0/24")
	mustRegister(t, etr, client.Mapping(eid, rlocOld))
	mustRegister(t, subscriber, client.Mapping(mustEID("10.1.9.0/24"), rlocOld))
	if _, err := subscriber.Subscribe(impatient(t), eid); err != nil {
		t.Fatal(err)
	}
	watcher := server.Watch(16)
	defer watcher.Close()

	var inProcess, overUDP []time.Duration
	for i := range moves {
		rloc := netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i%100)})
		seen := make(chan time.Time, 1)
		go func() {
			for {
				change, err := watcher.Next(impatient(t))
				if err != nil || change.Mapping != nil && change.Mapping.Locators[0].Address.IP == rloc {
					seen <- time.Now()
					return
				}
			}
		}()
		had := make(chan time.Time, 1)
		go func() {
			if _, err := subscriber.Await(impatient(t), eid, leadsTo(rloc)); err != nil {
				t.Error(err)
			}
			had <- time.Now()
		}()
		moved := time.Now()
		mustRegister(t, etr, client.Mapping(eid, rloc))
		inProcess = append(inProcess, (<-seen).Sub(moved))
		overUDP = append(overUDP, (<-had).Sub(moved))
	}
	logQuantiles(t, "a watcher in this process knows", inProcess)
	logQuantiles(t, "a subscriber over UDP knows", overUDP)
	if c := subscriber.Counts(); c.Publications < uint64(moves) {
		t.Errorf("%d moves: %+v", moves, c)
	}
}

func logQuantiles(t *testing.T, what string, d []time.Duration) {
	slices.Sort(d)
	t.Logf("%s after %v (half of %d moves), %v (99 %%)", what, d[len(d)/2], len(d), d[len(d)*99/100])
}
