package softswitch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/softswitch/port"
)

//go:generate p4c-bm2-ss --std p4-16 testdata/toolbox.p4 -o testdata/toolbox.json --p4runtime-files testdata/toolbox.p4info.txtpb

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

// controller is a P4Runtime client with a stream, primary.
type controller struct {
	p4v1.P4RuntimeClient
	t      testing.TB
	stream p4v1.P4Runtime_StreamChannelClient
}

func (s *testSwitch) connect(creds credentials.TransportCredentials) *controller {
	s.t.Helper()
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	s.t.Cleanup(func() { cancel(); conn.Close() })
	c := &controller{P4RuntimeClient: p4v1.NewP4RuntimeClient(conn), t: s.t}
	if c.stream, err = c.StreamChannel(ctx); err != nil {
		s.t.Fatal(err)
	}
	err = c.stream.Send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Arbitration{
		Arbitration: &p4v1.MasterArbitrationUpdate{DeviceId: 1, ElectionId: &p4v1.Uint128{Low: 1}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	if m := c.next(); m.GetArbitration() == nil {
		s.t.Fatalf("got %v, want an arbitration notice", m)
	}
	return c
}

func (c *controller) next() *p4v1.StreamMessageResponse {
	c.t.Helper()
	m, err := c.stream.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *controller) push() {
	c.t.Helper()
	info := &configv1.P4Info{}
	if err := (prototext.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(readFile(c.t, "testdata/toolbox.p4info.txtpb"), info); err != nil {
		c.t.Fatal(err)
	}
	_, err := c.SetForwardingPipelineConfig(c.t.Context(), &p4v1.SetForwardingPipelineConfigRequest{
		DeviceId: 1, ElectionId: &p4v1.Uint128{Low: 1},
		Action: p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT,
		Config: &p4v1.ForwardingPipelineConfig{P4Info: info, P4DeviceConfig: readFile(c.t, "testdata/toolbox.json")},
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// A controller pushes the pipeline while frames arrive, takes frames in and
// sends frames out.
func TestControllerOverTheNetwork(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1, CPUPort: testCPUPort}, 2)
	c := s.connect(insecure.NewCredentials())
	s.hosts[1].Send([][]byte{frameTo(1, 0)})
	c.push()
	if err := s.Dataplane().SetDefaultAction("toolbox_ingress.l2", "toolbox_ingress.punt", [][]byte{{3}}); err != nil {
		t.Fatal(err)
	}
	s.hosts[2].Send([][]byte{frameTo(1, 77)})
	in := c.next().GetPacket()
	if !bytes.Equal(in.GetPayload(), frameTo(1, 77)) || len(in.Metadata) != 3 || in.Metadata[0].Value[0] != 2 || in.Metadata[1].Value[0] != 3 {
		t.Fatalf("packet-in %v, want the frame with ingress port 2 and reason 3", in)
	}
	err := c.stream.Send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Packet{Packet: &p4v1.PacketOut{
		Payload: frameTo(1, 88), Metadata: []*p4v1.PacketMetadata{{MetadataId: 2, Value: []byte{1}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.receive(1, 1)[0]; !bytes.Equal(got, frameTo(1, 88)) {
		t.Fatalf("packet-out %x", got)
	}
	before := s.Dataplane()
	c.push()
	if s.Dataplane() == before {
		t.Fatal("the second push changed nothing")
	}
	if got := s.Stats().P4Runtime; got.PacketsIn != 1 || got.PacketsOut != 1 || got.Clients != 1 {
		t.Fatalf("%+v", got)
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
