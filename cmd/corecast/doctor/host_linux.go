package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/source/gso"
)

func hostChecks() []check {
	return []check{
		{"privileges", privileges},
		{"clock", clock},
		{"UDP segmentation", segmentation},
		{"socket buffers", buffers},
		{"open files", openFiles},
		{"IPv6", ipv6},
	}
}

// privileges: only a switch on interfaces of this host needs any.
func privileges(_ context.Context, report reporter) {
	effective, err := capabilities()
	if err != nil {
		report(Note, err.Error(), "is /proc mounted?")
		return
	}
	if effective&(1<<unix.CAP_NET_RAW) != 0 {
		report(Good, "CAP_NET_RAW: `corecast switch` can use interfaces", "")
		return
	}
	self, err := os.Executable()
	if err != nil {
		self = "corecast"
	}
	report(Note, "no CAP_NET_RAW: all works but `corecast switch` on interfaces of this host", "sudo setcap cap_net_raw+ep "+self+", or run that as root")
}

// capabilities reads the effective set of this process.
func capabilities() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no CapEff")
}

// maxOffset is beyond what tokens and logs of several hosts can live with.
const maxOffset = time.Second

// clock asks the kernel whether something keeps its clock right: tokens, leases
// that are told to others, and logs go by it.
func clock(_ context.Context, report reporter) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	offset := time.Duration(t.Maxerror) * time.Microsecond
	switch {
	case err != nil:
		report(Note, fmt.Sprintf("whether the clock is right cannot be asked: %v", err), "timedatectl tells")
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		report(Note, "nothing keeps the clock right: tokens may seem expired, and logs of several hosts do not fit together",
			"timedatectl set-ntp true, or run chrony; in a container, see that its host does")
	case offset > maxOffset:
		report(Note, fmt.Sprintf("the clock may be off by %v", offset), "chronyc tracking, or timedatectl timesync-status")
	default:
		report(Good, fmt.Sprintf("synchronized, within %v", offset.Round(time.Millisecond)), "")
	}
}

func segmentation(_ context.Context, report reporter) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		report(Bad, err.Error(), "UDP on loopback must work: ip link set lo up")
		return
	}
	defer conn.Close()
	s, err := gso.New(conn)
	if err != nil {
		report(Note, err.Error(), "the source sends packet by packet: expect a seventh of the rate")
		return
	}
	if s.Limit() < 2 {
		report(Note, "the kernel does not segment UDP: the source sends packet by packet, at about a seventh of the rate", "use Linux 4.18 or later")
		return
	}
	report(Good, fmt.Sprintf("up to %d packets in one call", s.Limit()), "")
}

// wantBuffer is what the Map-Server and the source ask for.
const wantBuffer = 4 << 20

func buffers(_ context.Context, report reporter) {
	for _, name := range []string{"rmem_max", "wmem_max"} {
		path := "/proc/sys/net/core/" + name
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a namespace that does not show it
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil && n < wantBuffer {
			report(Note, fmt.Sprintf("net.core.%s is %d: bursts of more are lost", name, n), fmt.Sprintf("sysctl -w net.core.%s=%d", name, wantBuffer))
			return
		}
	}
	report(Good, "large enough for bursts", "")
}

// wantFiles is enough for a controller with many switches and clients.
const wantFiles = 4096

func openFiles(_ context.Context, report reporter) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		report(Note, err.Error(), "ulimit -n tells")
		return
	}
	if limit.Max < wantFiles {
		report(Note, fmt.Sprintf("at most %d: each switch and each HTTP client needs one", limit.Max), fmt.Sprintf("ulimit -n %d, or LimitNOFILE= in a unit", wantFiles))
		return
	}
	report(Good, fmt.Sprintf("up to %d", limit.Max), "")
}

func ipv6(_ context.Context, report reporter) {
	l, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		report(Note, "this host has no IPv6 loopback: IPv6 RLOCs and EIDs cannot be served from here", "sysctl -w net.ipv6.conf.all.disable_ipv6=0")
		return
	}
	_ = l.Close()
	report(Good, "works", "")
}
