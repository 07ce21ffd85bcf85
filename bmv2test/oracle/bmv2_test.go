package oracle

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/bmv2test"
	"github.com/corecast/corecast/p4/build"
)

// bmv2Packets is how many packets TestOracleBMv2 plays without -packets.
const bmv2Packets = 5_000

// What cannot be sent through a Linux interface as it is, or cannot be seen.
const (
	shortestFrame = 14
	longestFrame  = 1700
	vlan, vlanS   = 0x8100, 0x88A8 // the kernel takes tags off
)

const (
	arrival   = 10 * time.Second       // until a frame that is expected counts as lost
	loopPass  = 300 * time.Microsecond // that a frame which is then dropped may take for one
	lastWords = 200 * time.Millisecond // in which nothing may follow the last packet
)

// TestOracleBMv2 gives a stock bmv2 the same kind of traffic, packet by packet.
func TestOracleBMv2(t *testing.T) {
	needBMv2(t)
	packets, seed := bmv2Packets, uint64(1)
	if *packetsFlag != 0 {
		packets = *packetsFlag
	}
	if *seedFlag != 0 {
		seed = *seedFlag
	}
	w := newWorld(seed, true)
	b := newWireBench(t, w.c)
	traffic := newTraffic(w)
	var past []*step
	for done := 0; done < packets; {
		s := traffic.next()
		if s.config == nil && !sendable(s) {
			continue
		}
		past = append(past, s)
		if err := b.do(t, s); err != nil {
			b.compareCounters(t)
			t.Fatalf("-seed=%d: after %d packets:\n%v\nlast steps:\n%s\n%v", seed, done, err, told(past), b.net.Alive())
		}
		if s.config == nil {
			done++
		}
	}
	time.Sleep(lastWords)
	if err := b.nothingElse(); err != nil {
		t.Error(err)
	}
	b.compareCounters(t)
	total := &coverage{hits: make(map[string]uint64)}
	total.add(b.model)
	t.Logf("%d packets\n%s", packets, total)
}

// needBMv2 skips where bmv2 cannot run, or fails where it must.
func needBMv2(t *testing.T) {
	t.Helper()
	missing := ""
	if testing.Short() {
		missing = "bmv2 is left out of short runs"
	} else if _, err := exec.LookPath(bmv2test.BMv2Binary); err != nil {
		missing = bmv2test.BMv2Binary + " is not on PATH: " + bmv2test.BMv2Hint
	} else if os.Geteuid() != 0 {
		missing = "bmv2 needs network namespaces: run as root"
	}
	switch {
	case missing == "":
	case os.Getenv("CORECAST_REQUIRE_BMV2") != "":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

func sendable(s *step) bool {
	if s.port == build.CPUPort {
		return len(s.frame) >= 4+shortestFrame && s.frame[0] == 0 && be.Uint16(s.frame[4+12:]) != build.EthertypeLoop
	}
	if s.port < 1 || s.port > transit2 || len(s.frame) < shortestFrame || len(s.frame) > longestFrame {
		return false
	}
	etherType := be.Uint16(s.frame[12:])
	return etherType != vlan && etherType != vlanS
}

func told(steps []*step) string {
	var b strings.Builder
	for _, s := range steps[max(0, len(steps)-5):] {
		fmt.Fprintf(&b, "  %s: port %d %s\n", s.what, s.port, explain(s.port, s.frame))
	}
	return b.String()
}
