package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// serveVar has the test binary be the server process.
const serveVar = "CORECAST_BENCH_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVar) == "" {
		os.Exit(m.Run())
	}
	if err := ServeMapServer(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func testMapServerOptions() MapServerOptions {
	return MapServerOptions{
		Options: Options{Turns: 2, Slice: 20 * time.Millisecond}, Sizes: []int{100, 1000},
		Command: func() *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), serveVar+"=1")
			return cmd
		},
	}
}

// TestMapServerReport checks that everything is measured, beside what it
// should be, not how fast it is. Another Map-Server to compare with is one of
// ours.
func TestMapServerReport(t *testing.T) {
	o := testMapServerOptions()
	other, err := startProcess(o.Command(), childConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.stop()
	if err := other.fill(0, o.Sizes[0]); err != nil {
		t.Fatal(err)
	}
	o.Against, o.AgainstPID = other.address, other.cmd.Process.Pid
	r, err := MapServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
	names := map[string]bool{}
	for _, x := range r.Results {
		if x.Min > x.Value || x.Max < x.Value || x.Runs < 1 || (x.Against != "") != (x.Ratio != 0) || names[x.Name+x.Against] {
			t.Errorf("%+v", x)
		}
		names[x.Name], names[x.Name+x.Against] = true, true
	}
	for _, x := range r.Results {
		if x.Against != "" && !names[x.Against] {
			t.Errorf("%q is measured beside %q, which is no result", x.Name, x.Against)
		}
	}
	for _, name := range []string{
		"Map-Requests at 100 prefixes", "Map-Requests at 1,000 prefixes", "p99 of Map-Requests at 1,000 prefixes",
		"memory of a mapping at 1,000 prefixes", "records moved, kept in a store",
		"Map-Requests per CPU-second at 100 prefixes",
	} {
		if !names[name] {
			t.Errorf("no result %q", name)
		}
	}
}

func TestMapServerOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*MapServerOptions){
		"sizes shrink":     func(o *MapServerOptions) { o.Sizes = []int{1000, 100} },
		"no sizes":         func(o *MapServerOptions) { o.Sizes = nil },
		"too many":         func(o *MapServerOptions) { o.Sizes = []int{maxTable + 1} },
		"nobody serves":    func(o *MapServerOptions) { o.Command = nil },
		"no process given": func(o *MapServerOptions) { o.Against = netip.MustParseAddrPort("127.0.0.1:4342") },
	} {
		o := testMapServerOptions()
		change(&o)
		if _, err := MapServer(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAServerThatCannotStartIsAnError(t *testing.T) {
	o := testMapServerOptions()
	o.Command = func() *exec.Cmd { return exec.Command("/does/not/exist") }
	if _, err := MapServer(t.Context(), o); err == nil || !strings.Contains(err.Error(), "start the server process") {
		t.Error(err)
	}
}

// Quantiles are as exact as the classes: to 1/32.
func TestLatencies(t *testing.T) {
	l := new(latencies)
	for i := 1; i <= 1000; i++ {
		l.add(time.Duration(i) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0: time.Microsecond, 0.5: 501 * time.Microsecond, 0.99: 991 * time.Microsecond} {
		if got := l.quantile(q); got > want || got < want-want/32 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	for d := time.Duration(0); d < 1<<40; d = d*9/8 + 1 {
		if low, high := latencyOf(latencyClass(d)), latencyOf(latencyClass(d)+1); d < low || d >= high || float64(high-low) > float64(d)/16+1 {
			t.Fatalf("%v is in the class from %v to %v", d, low, high)
		}
	}
}

// The echo of a request has its nonce where it is looked for, and is as long as
// a Map-Reply.
func TestEchoNonce(t *testing.T) {
	offset, err := echoNonce()
	if err != nil {
		t.Fatal(err)
	}
	r, err := tableRequest(loopback)
	if err != nil {
		t.Fatal(err)
	}
	r.set(0x1122334455667788, 0)
	size, err := replySize()
	if err != nil {
		t.Fatal(err)
	}
	echoed := r.packet[len(r.packet)-size:]
	if want := []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}; !bytes.Equal(echoed[offset:offset+8], want) {
		t.Errorf("%x has no nonce at %d", echoed, offset)
	}
}
