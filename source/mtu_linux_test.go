package source_test

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/source"
	"golang.org/x/sys/unix"
)

// The host's own knowledge of the path counts: the MTU of a route that becomes
// less while the channel runs, as it does when a router says so.
func TestPathMTUOfHost(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	// A goroutine of its own, whose thread ends with its namespace.
	t.Run("route", func(t *testing.T) {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Skipf("no network namespace: %v", err)
		}
		narrowRoute(t)
	})
}

func narrowRoute(t *testing.T) {
	ip := func(args string) {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Skipf("ip %s: %v: %s", args, err, out)
		}
	}
	ip("link add d0 type veth peer name d1")
	ip("link set d1 up")
	ip("addr add 10.0.0.10/24 dev d0")
	ip("link set d0 up")
	ip("neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev d0")
	ip("route add 10.255.0.1/32 via 10.0.0.1 dev d0")
	channel := channel4
	channel.SourceEID, channel.ReservedEID = netip.MustParseAddr("10.0.0.10"), netip.MustParseAddr("10.255.0.1")
	out, err := source.DialUDP(channel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cfg := config(t, channel, manyViewers(300))
	cfg.Opaque = false
	var sizes []int
	cfg.OnPayload = func(s source.Sent) {
		if sizes = append(sizes, len(s.Media)); s.ID.Sequence == 5 {
			ip("route change 10.255.0.1/32 via 10.0.0.1 dev d0 mtu 1300")
		}
	}
	report, err := source.Run(t.Context(), cfg, memory(clipBytes(t)[:100*188]), out)
	if err != nil || report.Shorter != 1 || report.MediaBytes != 100*188 || report.Unsent != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if want := slices.Repeat([]int{1316}, 6); !slices.Equal(sizes[:6], want) || slices.Max(sizes[6:]) != 1128 {
		t.Errorf("payload sizes %v", sizes)
	}
	if mode := out.Mode(); !strings.Contains(mode, "UDP_SEGMENT") {
		t.Errorf("after the change headers go by %s", mode)
	}
}
