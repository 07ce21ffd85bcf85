package p4rtserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"sync/atomic"
	"testing"

	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/corecast/corecast/softswitch/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testDevice = 7
	cpuPort    = 510
)

// fixture is a server that runs the toolbox program, and a client of it.
type fixture struct {
	t          testing.TB
	server     *Server
	client     p4v1.P4RuntimeClient
	config     *p4v1.ForwardingPipelineConfig
	ids        map[string]uint32
	plane      atomic.Pointer[engine.Dataplane]
	packetsOut chan []byte
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, packetsOut: make(chan []byte, 16)}
	f.loadToolbox()
	f.server = New(Config{
		DeviceID:  testDevice,
		Engine:    engine.Config{CPUPort: cpuPort},
		Swap:      f.plane.Store,
		PacketOut: func(frame []byte) { f.packetsOut <- bytes.Clone(frame) },
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	l := bufconn.Listen(1 << 20)
	g := grpc.NewServer(grpc.WaitForHandlers(true))
	f.server.Register(g)
	go g.Serve(l)
	conn, err := grpc.NewClient("passthrough:///toolbox",
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return l.Dial() }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	f.client = p4v1.NewP4RuntimeClient(conn)
	t.Cleanup(func() { conn.Close(); g.Stop(); f.server.Close() })
	return f
}

// loadToolbox reads the program and the ids of everything in it, by alias.
func (f *fixture) loadToolbox() {
	f.t.Helper()
	program, err := os.ReadFile("../testdata/toolbox.json")
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := os.ReadFile("../testdata/toolbox.p4info.txtpb")
	if err != nil {
		f.t.Fatal(err)
	}
	info := &configv1.P4Info{}
	if err := (prototext.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, info); err != nil {
		f.t.Fatal(err)
	}
	f.config = &p4v1.ForwardingPipelineConfig{P4Info: info, P4DeviceConfig: program, Cookie: &p4v1.ForwardingPipelineConfig_Cookie{Cookie: 42}}
	f.ids = map[string]uint32{}
	add := func(p *configv1.Preamble) { f.ids[p.Alias] = p.Id }
	for _, o := range info.Tables {
		add(o.Preamble)
	}
	for _, o := range info.Actions {
		add(o.Preamble)
	}
	for _, o := range info.Counters {
		add(o.Preamble)
	}
	for _, o := range info.Meters {
		add(o.Preamble)
	}
	for _, o := range info.Registers {
		add(o.Preamble)
	}
	for _, o := range info.Digests {
		add(o.Preamble)
	}
	if len(f.ids) < 10 {
		f.t.Fatalf("%d objects in the P4Info, want those of the toolbox", len(f.ids))
	}
}

// newReadyFixture has a primary, with election id 1, and the pipeline.
func newReadyFixture(t testing.TB) (*fixture, *stream) {
	t.Helper()
	f := newFixture(t)
	s := f.open()
	s.arbitrate(&p4v1.Uint128{Low: 1})
	s.expectArbitration(codes.OK, 1)
	if err := f.push(p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT, f.config); err != nil {
		t.Fatal(err)
	}
	return f, s
}

func (f *fixture) push(action p4v1.SetForwardingPipelineConfigRequest_Action, config *p4v1.ForwardingPipelineConfig) error {
	_, err := f.client.SetForwardingPipelineConfig(f.t.Context(), &p4v1.SetForwardingPipelineConfigRequest{
		DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}, Action: action, Config: config,
	})
	return err
}

var idName = regexp.MustCompile(`<\w+>`)

// parse reads a message in text format, in which <name> stands for the id of
// what has that alias.
func parse[M proto.Message](f *fixture, text string, m M) M {
	f.t.Helper()
	text = idName.ReplaceAllStringFunc(text, func(s string) string {
		id, ok := f.ids[s[1:len(s)-1]]
		if !ok {
			f.t.Fatalf("the toolbox has nothing called %s", s)
		}
		return fmt.Sprint(id)
	})
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		f.t.Fatalf("%s: %v", text, err)
	}
	return m
}

// write applies updates, each in text format.
func (f *fixture) write(updates ...string) error {
	f.t.Helper()
	req := &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}}
	for _, u := range updates {
		req.Updates = append(req.Updates, parse(f, u, &p4v1.Update{}))
	}
	_, err := f.client.Write(f.t.Context(), req)
	return err
}

func (f *fixture) mustWrite(updates ...string) {
	f.t.Helper()
	if err := f.write(updates...); err != nil {
		f.t.Fatalf("%v %v", err, batchErrors(f.t, err))
	}
}

// read returns what a list of entities in text format selects.
func (f *fixture) read(entities ...string) ([]*p4v1.Entity, error) {
	f.t.Helper()
	req := &p4v1.ReadRequest{DeviceId: testDevice}
	for _, e := range entities {
		req.Entities = append(req.Entities, parse(f, e, &p4v1.Entity{}))
	}
	answer, err := f.client.Read(f.t.Context(), req)
	if err != nil {
		return nil, err
	}
	var out []*p4v1.Entity
	for {
		m, err := answer.Recv()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, m.Entities...)
	}
}

// expectRead wants exactly the given entities, in any order.
func (f *fixture) expectRead(request string, want ...string) {
	f.t.Helper()
	got, err := f.read(request)
	if err != nil {
		f.t.Fatalf("read %s: %v %v", request, err, batchErrors(f.t, err))
	}
	for _, w := range want {
		m, found := parse(f, w, &p4v1.Entity{}), false
		for i, g := range got {
			if found = proto.Equal(g, m); found {
				got = append(got[:i], got[i+1:]...)
				break
			}
		}
		if !found {
			f.t.Errorf("read %s: no %v in the answer", request, m)
		}
	}
	if len(got) != 0 {
		f.t.Errorf("read %s: not wanted in the answer: %v", request, got)
	}
}

// batchErrors returns the per-update errors of a status.
func batchErrors(t testing.TB, err error) []*p4v1.Error {
	t.Helper()
	var out []*p4v1.Error
	for _, d := range status.Convert(err).Details() {
		e, ok := d.(*p4v1.Error)
		if !ok {
			t.Fatalf("detail %T in a status, want p4.v1.Error", d)
		}
		out = append(out, e)
	}
	return out
}
