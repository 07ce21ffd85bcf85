package softswitch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/softswitch/port"
)

//go:generate p4c-bm2-ss --std p4-16 testdata/toolbox.p4 -o testdata/toolbox.json --p4runtime-files testdata/toolbox.p4info.txtpb

func TestFramesGoFromPortToPortInOrder(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1, Program: readFile(t, "testdata/toolbox.json")}, 3)
	forwardTo(t, s.Dataplane(), 2, 2)
	forwardTo(t, s.Dataplane(), 3, 3)
	const n = 5000
	go func() {
		for seq := uint32(0); seq < n; seq += 10 {
			var batch [][]byte
			for i := range uint32(10) {
				batch = append(batch, frameTo(2, seq+i), frameTo(3, seq+i), frameTo(9, seq+i)) // 9 is nobody's
			}
			s.hosts[1].Send(batch)
		}
	}()
	var wg sync.WaitGroup // a host that did not read would hold the switch up
	for _, id := range []uint32{2, 3} {
		wg.Go(func() {
			for i, f := range s.receive(id, n) {
				if !bytes.Equal(f, frameTo(byte(id), uint32(i))) {
					t.Errorf("port %d: frame %d is %x", id, i, f)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got.Engine.DropIngress != n || got.NoPort != 0 || got.Ports[1].RxFrames != 3*n || got.Ports[2].TxFrames != n {
		t.Fatalf("%+v", got)
	}
}

func TestCopiesOfAGroupLeaveInItsOrder(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1, Program: readFile(t, "testdata/toolbox.json")}, 3)
	d := s.Dataplane()
	if err := d.SetDefaultAction("toolbox_ingress.l2", "toolbox_ingress.flood", [][]byte{{7}}); err != nil {
		t.Fatal(err)
	}
	if err := d.InsertMulticastGroup(engine.MulticastGroup{ID: 7, Replicas: []engine.Replica{{Port: 2, Instance: 9}, {Port: 3, Instance: 1}, {Port: 2, Instance: 4}, {Port: 77}}}); err != nil {
		t.Fatal(err)
	}
	s.hosts[1].Send([][]byte{frameTo(1, 0), frameTo(1, 1)})
	for i, f := range s.receive(2, 4) {
		if instance, seq := f[11], binary.BigEndian.Uint32(f[60:]); instance != []byte{9, 4}[i%2] || seq != uint32(i/2) {
			t.Fatalf("copy %d is of instance %d of frame %d", i, instance, seq)
		}
	}
	s.receive(3, 2)
	if got := s.Stats().NoPort; got != 2 {
		t.Fatalf("NoPort = %d, want 2: port 77 is not there", got)
	}
}

// A batch that fans out to more than the staging memory is still whole.
func TestWideFanOut(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1, Program: readFile(t, "testdata/toolbox.json")}, 2)
	d := s.Dataplane()
	group := engine.MulticastGroup{ID: 7}
	for i := range uint32(2000) {
		group.Replicas = append(group.Replicas, engine.Replica{Port: 2, Instance: i + 1})
	}
	if err := d.InsertMulticastGroup(group); err != nil {
		t.Fatal(err)
	}
	if err := d.SetDefaultAction("toolbox_ingress.l2", "toolbox_ingress.flood", [][]byte{{7}}); err != nil {
		t.Fatal(err)
	}
	frame := append(frameTo(1, 0), make([]byte, 1400)...)
	go s.hosts[1].Send([][]byte{frame, frame, frame, frame})
	for i, f := range s.receive(2, 4*2000) {
		if got, want := binary.BigEndian.Uint16(f[10:]), uint16(i%2000+1); got != want || len(f) != len(frame) {
			t.Fatalf("copy %d is of instance %d and %d bytes, want %d and %d", i, got, len(f), want, len(frame))
		}
	}
}

func TestFramesBeforeThereIsAPipelineAreCounted(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1}, 1)
	s.hosts[1].Send([][]byte{frameTo(1, 0), frameTo(1, 1)})
	for deadline := time.Now().Add(10 * time.Second); s.Stats().NoPipeline != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v, want NoPipeline 2", s.Stats())
		}
	}
}

func TestPortsComeAndGo(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1, CPUPort: testCPUPort, Program: readFile(t, "testdata/toolbox.json")}, 1)
	for id, want := range map[uint32]string{1: "taken", 512: "0 to 511", DefaultDropPort: "drop port", testCPUPort: "CPU port"} {
		a, _ := link.New(link.Options{})
		if err := s.AddPort(id, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("AddPort(%d) = %v, want an error with %q", id, err, want)
		}
	}
	s.plug(2) // while the switch runs
	forwardTo(t, s.Dataplane(), 2, 2)
	s.hosts[1].Send([][]byte{frameTo(2, 7)})
	s.receive(2, 1)

	s.hosts[2].Close()
	for deadline := time.Now().Add(10 * time.Second); len(s.Stats().Ports) != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the port is still there after its link was cut")
		}
	}
	s.plug(2) // its number is free again
	s.hosts[1].Send([][]byte{frameTo(2, 8)})
	s.receive(2, 1)
}

func TestConfigRefusals(t *testing.T) {
	for want, cfg := range map[string]Config{
		"ports are 0 to 511": {CPUPort: 600},
		"different numbers":  {CPUPort: DefaultDropPort},
		"program":            {Program: []byte("{")},
	} {
		cfg.Logger = quiet()
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want an error with %q", cfg, err, want)
		}
	}
}

func TestRunEndsWithItsContextAndOnlyOnce(t *testing.T) {
	sw, err := New(Config{DeviceID: 1, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	a, b := link.New(link.Options{})
	if err := sw.AddPort(1, a); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sw.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Send([][]byte{{1}}); err != net.ErrClosed {
		t.Fatalf("the port is open after Run: %v", err)
	}
	if err := sw.Run(t.Context()); err == nil {
		t.Fatal("ran twice")
	}
	if err := sw.AddPort(2, a); err == nil {
		t.Fatal("a port was added after the end")
	}
}

func TestForwardingAllocatesNothingPerFrame(t *testing.T) {
	sw, err := New(Config{DeviceID: 1, Program: readFile(t, "testdata/toolbox.json"), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	a, b := link.New(link.Options{})
	if err := sw.AddPort(2, a); err != nil {
		t.Fatal(err)
	}
	forwardTo(t, sw.Dataplane(), 2, 2)
	f, batch := newForwarder(sw), make([][]byte, 32)
	for i := range batch {
		batch[i] = frameTo(2, uint32(i))
	}
	buf := make([][]byte, 32)
	for i := range buf {
		buf[i] = make([]byte, port.MaxFrame)
	}
	if n := testing.AllocsPerRun(100, func() { f.forward(1, batch); b.Recv(buf) }); n >= 1 {
		t.Fatalf("%v allocations for a batch of %d frames, want none", n, len(batch))
	}
	a.Close()
}

// Frames per second from one host to another through the switch.
func BenchmarkSwitchLinks(b *testing.B) {
	for _, size := range []int{64, 1316} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			s := startSwitch(b, Config{DeviceID: 1, Program: readFile(b, "testdata/toolbox.json")}, 2)
			forwardTo(b, s.Dataplane(), 2, 2)
			benchmarkForwarding(b, s.hosts[1], s.hosts[2], size)
		})
	}
}

func benchmarkForwarding(b *testing.B, from, to port.Port, size int) {
	batch := make([][]byte, 32)
	for i := range batch {
		batch[i] = append(frameTo(2, uint32(i)), make([]byte, size-64)...)
	}
	buf := make([][]byte, 64)
	for i := range buf {
		buf[i] = make([]byte, port.MaxFrame)
	}
	received := 0
	for b.Loop() {
		if _, err := from.Send(batch); err != nil {
			b.Fatal(err)
		}
		for want := received + len(batch); received < want; {
			n, err := to.Recv(buf)
			if err != nil {
				b.Fatal(err)
			}
			received += n
		}
	}
	b.ReportMetric(float64(received)/b.Elapsed().Seconds(), "frames/s")
}
