package oracle

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/bmv2test"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// A stock bmv2 beside the model, on Linux interfaces.

// wireBench is a real switch and its model side by side.
type wireBench struct {
	net     *bmv2test.Network
	session *p4rt.Session
	hosts   map[uint16]*bmv2test.Host
	model   *Switch
	start   time.Time
	rows    map[string]Row
	fences  int
}

func newWireBench(t *testing.T, c *Config) *wireBench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	top := bmv2test.Topology{Switches: []bmv2test.SwitchSpec{{
		Name: "xtr", DeviceID: 1, Target: bmv2test.BMv2, Ports: []uint32{1, 2, 3, 4, 5, loopOut, loopBack}, Loop: [2]uint32{loopOut, loopBack},
	}}}
	for p := uint16(1); p <= transit2; p++ {
		top.Hosts = append(top.Hosts, bmv2test.HostSpec{Name: hostAt(p), At: bmv2test.Attachment{Switch: "xtr", Port: uint32(p)},
			MAC: mac(9, int(p)), Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(p)})})
	}
	b := &wireBench{model: New(c), hosts: make(map[uint16]*bmv2test.Host), rows: make(map[string]Row)}
	var err error
	if b.net, err = bmv2test.Build(ctx, top); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.net.Close(); err != nil {
			t.Error(err)
		}
	})
	for p := uint16(1); p <= transit2; p++ {
		b.hosts[p] = b.net.Host(hostAt(p))
	}
	schema, err := p4rt.NewSchema(build.P4Info())
	if err != nil {
		t.Fatal(err)
	}
	b.session, err = p4rt.Dial(ctx, schema, p4rt.Options{Address: b.net.Address("xtr"), DeviceID: 1, ElectionID: p4rt.ElectionID{Low: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.session.Close() })
	pipeline, err := p4rt.NewPipeline(build.P4Info(), build.DeviceConfig())
	if err == nil {
		_, err = b.session.EnsurePipeline(ctx, pipeline)
	}
	if err == nil {
		err = b.addGroups(ctx, c)
	}
	if err == nil {
		err = b.configure(ctx, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.start = time.Now()
	return b
}

func hostAt(port uint16) string { return fmt.Sprintf("port%d", port) }

// addGroups adds replica by replica: bmv2 keeps that order alone.
func (b *wireBench) addGroups(ctx context.Context, c *Config) error {
	for id, replicas := range c.MulticastGroups() {
		g := &p4rt.Group{ID: uint32(id)}
		for i, r := range replicas {
			g.Replicas = append(g.Replicas, p4rt.Replica{Port: uint32(r.Port), Instance: uint32(r.ID)})
			op := p4rt.Modify
			if i == 0 {
				op = p4rt.Insert
			}
			if err := b.session.Write(ctx, []p4rt.Update{{Op: op, Object: g}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// configure writes what differs from what is there: deletions first.
func (b *wireBench) configure(ctx context.Context, c *Config) error {
	want := make(map[string]Row)
	var deletes, writes []p4rt.Update
	for _, r := range c.Rows() {
		want[r.ID()] = r
		op := p4rt.Insert
		if _, there := b.rows[r.ID()]; there || r.Key == nil {
			op = p4rt.Modify
		}
		writes = append(writes, p4rt.Update{Op: op, Object: wireEntry(r)})
	}
	for id, r := range b.rows {
		if _, keep := want[id]; !keep {
			deletes = append(deletes, p4rt.Update{Op: p4rt.Delete, Object: wireEntry(r)})
		}
	}
	b.rows = want
	if len(deletes) > 0 {
		if err := b.session.Write(ctx, deletes); err != nil {
			return err
		}
	}
	return b.session.Write(ctx, writes)
}

func wireEntry(r Row) *p4rt.Entry {
	e := &p4rt.Entry{Table: r.Table, Action: r.Action, Default: r.Key == nil}
	for _, f := range r.Key {
		if f.LPM {
			e.Match = append(e.Match, p4rt.LPM(f.Name, p4rt.Bytes(f.Value), f.Bits))
		} else {
			e.Match = append(e.Match, p4rt.Exact(f.Name, p4rt.Bytes(f.Value)))
		}
	}
	for _, p := range r.Params {
		e.Params = append(e.Params, p4rt.Param{Name: p.Name, Value: p4rt.Bytes(p.Value)})
	}
	return e
}

// do makes a step on both sides and says how they differ. A fence follows each
// packet, so that what is dropped is known to be done with.
func (b *wireBench) do(t *testing.T, s *step) error {
	if s.config != nil {
		b.model.Config = s.config
		return b.configure(t.Context(), s.config)
	}
	b.model.Now = time.Since(b.start)
	want, passes := b.expect(s.port, s.frame)
	if err := b.send(s.port, s.frame); err != nil {
		return err
	}
	for range 1 + 2*passes {
		if passes > 0 {
			time.Sleep(loopPass)
		}
		fence := b.fence(s.port)
		answer, _ := b.expect(s.port, fence)
		want[build.CPUPort] = append(want[build.CPUPort], answer[build.CPUPort]...)
		if err := b.send(s.port, fence); err != nil {
			return err
		}
	}
	return b.receive(s, want)
}

// expect asks the model, the loop included, and sorts its frames by port.
func (b *wireBench) expect(port uint16, frame []byte) (want map[uint16][][]byte, passes int) {
	want = make(map[uint16][][]byte)
	type at struct {
		port  uint16
		frame []byte
	}
	for queue := []at{{port, frame}}; len(queue) > 0; queue = queue[1:] {
		for _, o := range b.model.Receive(queue[0].port, queue[0].frame) {
			if o.Port == loopOut {
				queue = append(queue, at{loopBack, o.Frame})
				passes++
			} else {
				want[o.Port] = append(want[o.Port], o.Frame)
			}
		}
	}
	return want, passes
}

// fence is an ARP frame of its own, which the switch punts.
func (b *wireBench) fence(port uint16) []byte {
	b.fences++
	f := slices.Concat([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6}, []byte("fence"), be.AppendUint32(nil, uint32(b.fences)), make([]byte, 40))
	if port == build.CPUPort {
		f = append([]byte{0, 1, 0, build.OutReceive}, f...)
	}
	return f
}

func (b *wireBench) send(port uint16, frame []byte) error {
	if port == build.CPUPort {
		return b.session.PacketOut(frame[4:], map[string]uint64{
			build.MetaPacketOutPort: uint64(be.Uint16(frame)), build.MetaPacketOutMode: uint64(be.Uint16(frame[2:])),
		})
	}
	return b.hosts[port].Send(frame)
}

// receive waits for what is expected and compares.
func (b *wireBench) receive(s *step, want map[uint16][][]byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), arrival)
	defer cancel()
	var got [][]byte
	for range want[build.CPUPort] {
		select {
		case in, open := <-b.session.PacketIns():
			if !open {
				return fmt.Errorf("the session ended")
			}
			got = append(got, punted(in))
		case <-ctx.Done():
		}
	}
	errs := []string{differ(build.CPUPort, want[build.CPUPort], got)}
	for _, port := range slices.Sorted(maps.Keys(b.hosts)) {
		h := b.hosts[port]
		_ = h.Wait(ctx, len(want[port])) // what is missing shows below
		errs = append(errs, differ(port, want[port], h.Take()))
	}
	if e := strings.Join(errs, ""); e != "" {
		return fmt.Errorf("%s at port %d: %s%s", s.what, s.port, explain(s.port, s.frame), e)
	}
	return nil
}

func punted(in p4rt.PacketIn) []byte {
	head := be.AppendUint16(nil, uint16(in.Metadata[build.MetaPacketInIngressPort]))
	return append(be.AppendUint16(head, uint16(in.Metadata[build.MetaPacketInReason])), in.Payload...)
}

func differ(port uint16, want, got [][]byte) string {
	if slices.EqualFunc(want, got, bytes.Equal) {
		return ""
	}
	var w, g []Out
	for _, f := range want {
		w = append(w, Out{port, f})
	}
	for _, f := range got {
		g = append(g, Out{port, f})
	}
	return fmt.Sprintf("\nthe oracle sends:%s\nthe switch sent:%s", list(w), list(g))
}

// nothingElse says what came that nobody expected.
func (b *wireBench) nothingElse() error {
	for port, h := range b.hosts {
		if e := differ(port, nil, h.Take()); e != "" {
			return fmt.Errorf("at the end: %s", e)
		}
	}
	select {
	case in := <-b.session.PacketIns():
		return fmt.Errorf("at the end: punted %s", explain(build.CPUPort, punted(in)))
	default:
		return nil
	}
}

func (b *wireBench) compareCounters(t *testing.T) {
	t.Helper()
	for name, want := range map[string][]uint64{build.CounterDropReasons: b.model.Drops[:], build.CounterPuntReasons: b.model.Punts[:]} {
		cells, err := b.session.ReadCounter(t.Context(), name, 0, build.ReasonCells)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range cells {
			if v.Packets != want[i] {
				t.Errorf("%s %d: the switch counted %d, the oracle %d", name, i, v.Packets, want[i])
			}
		}
	}
}
