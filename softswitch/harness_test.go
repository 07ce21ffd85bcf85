package softswitch

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/softswitch/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testCPUPort = 510

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// testSwitch is a running switch with in-memory ports 1 to n; hosts are at
// the other ends, by port number.
type testSwitch struct {
	*Switch
	t     testing.TB
	hosts map[uint32]*link.End
	addr  string
}

func startSwitch(t testing.TB, cfg Config, ports int) *testSwitch {
	t.Helper()
	cfg.Logger = quiet()
	sw, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ts := &testSwitch{Switch: sw, t: t, hosts: map[uint32]*link.End{}}
	for id := uint32(1); id <= uint32(ports); id++ {
		ts.plug(id)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sw.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return ts
}

func (s *testSwitch) plug(id uint32) {
	s.t.Helper()
	a, b := link.New(link.Options{})
	if err := s.AddPort(id, a); err != nil {
		s.t.Fatal(err)
	}
	s.hosts[id] = b
}

func frameTo(dst byte, seq uint32) []byte {
	f := make([]byte, 64)
	copy(f, "\x02\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x99\x08\x00")
	f[5] = dst
	binary.BigEndian.PutUint32(f[60:], seq)
	return f
}

// receive returns copies of the next n frames at a host.
func (s *testSwitch) receive(id uint32, n int) [][]byte {
	s.t.Helper()
	host := s.hosts[id]
	watchdog := time.AfterFunc(10*time.Second, func() { host.Close() })
	defer watchdog.Stop()
	buf := make([][]byte, 32)
	for i := range buf {
		buf[i] = make([]byte, port.MaxFrame)
	}
	var got [][]byte
	for len(got) < n {
		k, err := host.Recv(buf)
		if err != nil {
			s.t.Errorf("port %d: after %d of %d frames: %v", id, len(got), n, err)
			return got
		}
		for _, f := range buf[:k] {
			got = append(got, bytes.Clone(f))
		}
	}
	return got
}

// forwardTo makes the dataplane send frames for dst out of a port.
func forwardTo(t testing.TB, d *engine.Dataplane, dst byte, out uint16) {
	t.Helper()
	err := d.InsertEntry("toolbox_ingress.l2", engine.Entry{
		Match:  []engine.Match{{Value: []byte{2, 0, 0, 0, 0, dst}}},
		Action: "toolbox_ingress.forward", Params: [][]byte{{byte(out >> 8), byte(out)}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
