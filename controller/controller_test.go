package controller

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/protoadapt"
)

func sortHolding(h *Holding) {
	slices.SortFunc(h.Entries, func(a, b *p4rt.Entry) int { return cmp.Compare(a.Key(), b.Key()) })
	slices.SortFunc(h.Groups, func(a, b *p4rt.Group) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(h.Meters, func(a, b *p4rt.Meter) int { return cmp.Compare(a.Key(), b.Key()) })
}

func TestEverySwitchHoldsWhatIsWanted(t *testing.T) {
	cfg, targets := fig2(t)
	c, stop := run(t, cfg, nil, Options{})
	ready(t, c)
	for name := range targets {
		holds(t, c, name)
	}
	for _, sw := range c.Status().Switches {
		if sw.Pipelines != 1 || sw.Wanted == 0 || sw.Installed != sw.Wanted || sw.Updates == 0 {
			t.Errorf("status %+v", sw)
		}
	}
	stop()

	t.Run("a right switch is not written to", func(t *testing.T) {
		w := &tap{}
		c, _ := run(t, cfg, w, Options{Resync: 10 * time.Millisecond})
		ready(t, c)
		time.Sleep(50 * time.Millisecond) // some rounds more
		if n := w.count(); n != 0 {
			t.Errorf("%d updates were written", n)
		}
		for _, sw := range c.Status().Switches {
			if sw.Pipelines != 0 || sw.Updates != 0 {
				t.Errorf("status %+v", sw)
			}
		}
	})
}

// references: what an entry refers to is written before it.
func TestReferencesFirst(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	w := &tap{}
	c, _ := run(t, cfg, w, Options{})
	ready(t, c)
	at := map[uint32][]int{} // by table id
	for i, u := range w.updates {
		at[u.GetEntity().GetTableEntry().GetTableId()] = append(at[u.GetEntity().GetTableEntry().GetTableId()], i)
	}
	order := []uint32{tableID(build.TableNeighbors4), tableID(build.TableRLOCs), tableID(build.TableEids4), tableID(build.TableChannels4), tableID(build.TablePorts)}
	for i := range order[1:] {
		before, after := at[order[i]], at[order[i+1]]
		if len(before) == 0 || len(after) == 0 || slices.Max(before) > slices.Min(after) {
			t.Errorf("table 0x%x at %v, 0x%x at %v", order[i], before, order[i+1], after)
		}
	}
}

func tableID(name string) uint32 {
	for _, t := range build.P4Info().GetTables() {
		if t.GetPreamble().GetName() == name {
			return t.GetPreamble().GetId()
		}
	}
	panic("no table " + name)
}

// refusal is what a P4Runtime server answers when it refuses update bad.
func refusal(r *p4v1.WriteRequest, bad int, code codes.Code, message string) error {
	var details []protoadapt.MessageV1
	for i := range r.Updates {
		e := &p4v1.Error{}
		if i == bad {
			e.CanonicalCode, e.Message = int32(code), message
		}
		details = append(details, protoadapt.MessageV1Of(e))
	}
	st, err := status.New(codes.Unknown, "some updates failed").WithDetails(details...)
	if err != nil {
		return err
	}
	return st.Err()
}

func TestRefusedUpdateIsReportedAndRetried(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	w := &tap{}
	w.refuse = func(r *p4v1.WriteRequest) error {
		if r.Updates[0].GetEntity().GetTableEntry().GetTableId() == tableID(build.TableEids4) {
			return refusal(r, len(r.Updates)-1, codes.ResourceExhausted, "table is full")
		}
		return nil
	}
	c, _ := run(t, cfg, w, Options{})
	s := until(t, c, "refusal", func(s Status) bool { return s.Switches[0].Phase == Failing }).Switches[0]
	for _, want := range []string{"insert eids4 instance_id=0 eid=", "ResourceExhausted: table is full", "1 of "} {
		if !strings.Contains(s.Reason, want) {
			t.Errorf("reason %q lacks %q", s.Reason, want)
		}
	}
	if s.Installed >= s.Wanted || s.Retries == 0 {
		t.Errorf("status %+v", s)
	}
	w.mu.Lock()
	w.refuse = nil
	w.mu.Unlock()
	ready(t, c)
	holds(t, c, "itr")
}

// A write that fails as a whole ends the session; the next one goes on where
// it stopped.
func TestBrokenWriteIsRetried(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	w := &tap{}
	failures := 0
	w.refuse = func(r *p4v1.WriteRequest) error { // called by one goroutine
		if r.Updates[0].GetEntity().GetTableEntry().GetTableId() == tableID(build.TableEids4) && failures < 3 {
			failures++
			return status.Error(codes.Unavailable, "connection reset")
		}
		return nil
	}
	c, _ := run(t, cfg, w, Options{})
	ready(t, c)
	holds(t, c, "itr")
	if got := c.Status().Switches[0].Retries; got < 3 {
		t.Errorf("%d retries", got)
	}
}

func TestRestartedSwitchIsFilledAgain(t *testing.T) {
	cfg, targets := fig2(t)
	c, _ := run(t, cfg, nil, Options{})
	ready(t, c)
	targets["etr-2"].stop()
	s := one(until(t, c, "failure", func(s Status) bool { return one(s, "etr-2").Phase == Failing }), "etr-2")
	if s.Reason == "" || s.Since.IsZero() {
		t.Errorf("status %+v", s)
	}
	if _, err := c.Drops(context.Background(), "etr-2"); err == nil || !strings.Contains(err.Error(), "etr-2") {
		t.Errorf("counters of a switch that is gone: %v", err)
	}
	targets["etr-2"].start()
	until(t, c, "recovery", func(s Status) bool { return one(s, "etr-2").Pipelines == 2 && s.Ready() })
	holds(t, c, "etr-2")
}

func TestDriftIsRepaired(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	c, _ := run(t, cfg, nil, Options{Resync: 5 * time.Millisecond})
	ready(t, c)
	session, err := c.session("itr")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	entries, err := session.ReadEntries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var damage []p4rt.Update
	for _, e := range entries {
		switch e.Table {
		case build.TableEids4, build.TableChannels4:
			damage = append(damage, p4rt.Update{Op: p4rt.Delete, Object: e})
		case build.TableNeighbors4:
			wrong := *e
			wrong.Params = slices.Clone(e.Params)
			wrong.Params[0].Value = p4rt.Uint(77)
			damage = append(damage, p4rt.Update{Op: p4rt.Modify, Object: &wrong})
		}
	}
	damage = append(damage,
		p4rt.Update{Op: p4rt.Insert, Object: &p4rt.Entry{Table: build.TableMyRlocs4, Action: build.ActionOwnRLOC,
			Match: []p4rt.Match{p4rt.Exact(build.FieldMyRlocs4RLOC, p4rt.Uint(99))}}},
		p4rt.Update{Op: p4rt.Modify, Object: &p4rt.Entry{Table: build.TableTarget, Default: true, Action: build.ActionSetTarget, Params: []p4rt.Param{
			{Name: build.ParamSetTargetGrowth, Value: p4rt.Uint(1)}, {Name: build.ParamSetTargetLoopTo, Value: p4rt.Uint(2)}, {Name: build.ParamSetTargetListAt, Value: p4rt.Uint(3)}}}},
		p4rt.Update{Op: p4rt.Modify, Object: &p4rt.Group{ID: build.CopyGroupBase + 2, Replicas: []p4rt.Replica{{Port: 2, Instance: build.RIDHeader}}}},
		p4rt.Update{Op: p4rt.Insert, Object: &p4rt.Group{ID: build.CopyGroupBase + 9, Replicas: []p4rt.Replica{{Port: 9, Instance: 1}}}},
		p4rt.Update{Op: p4rt.Modify, Object: &p4rt.Meter{Name: build.MeterPuntMeter, Index: build.PuntARP}},
		p4rt.Update{Op: p4rt.Modify, Object: &p4rt.Meter{Name: build.MeterSlotMeter, Index: 9, Config: &p4rt.MeterConfig{CIR: 1, CBurst: 1, PIR: 1, PBurst: 1}}},
	)
	if err := session.Write(ctx, damage); err != nil {
		t.Fatal(err)
	}
	if err := eventually(func() error { return differs(c, "itr") }); err != nil {
		t.Error(err)
	}
}

// A group that is not the program's stays.
func TestForeignGroupIsLeftAlone(t *testing.T) {
	foreign := &p4rt.Group{ID: 7, Replicas: []p4rt.Replica{{Port: 1, Instance: 1}}}
	todo := diff(&Holding{}, &held{groups: []*p4rt.Group{foreign}})
	if todo.count() != 0 {
		t.Errorf("would write %v", todo)
	}
}

func eventually(check func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func TestForeignPipelineIsReplaced(t *testing.T) {
	cfg, targets := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	occupy(t, targets["itr"])
	c, _ := run(t, cfg, nil, Options{})
	ready(t, c)
	holds(t, c, "itr")
	if got := c.Status().Switches[0].Pipelines; got != 1 {
		t.Errorf("%d pipelines were pushed", got)
	}
}

// occupy gives a switch another program with a multicast group of its own.
func occupy(t *testing.T, g *target) {
	t.Helper()
	text, err := os.ReadFile("../softswitch/testdata/toolbox.p4info.txtpb")
	if err != nil {
		t.Fatal(err)
	}
	device, err := os.ReadFile("../softswitch/testdata/toolbox.json")
	if err != nil {
		t.Fatal(err)
	}
	info := &p4configv1.P4Info{}
	if err := (prototext.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, info); err != nil {
		t.Fatal(err)
	}
	schema, err := p4rt.NewSchema(info)
	if err != nil {
		t.Fatal(err)
	}
	pipeline, err := p4rt.NewPipeline(info, device)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	s, err := p4rt.Dial(ctx, schema, p4rt.Options{Address: g.addr, DeviceID: g.device, ElectionID: p4rt.ElectionID{Low: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if pushed, err := s.EnsurePipeline(ctx, pipeline); err != nil || !pushed {
		t.Fatalf("pushed %v: %v", pushed, err)
	}
	group := &p4rt.Group{ID: build.CopyGroupBase + 2, Replicas: []p4rt.Replica{{Port: 5, Instance: 5}}}
	if err := s.Write(ctx, []p4rt.Update{{Op: p4rt.Insert, Object: group}}); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherPrimaryIsNamed(t *testing.T) {
	cfg, targets := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	schema, _, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	other, err := p4rt.Dial(context.Background(), schema, p4rt.Options{
		Address: targets["itr"].addr, DeviceID: 1, ElectionID: p4rt.ElectionID{Low: 5}})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := run(t, cfg, nil, Options{ElectionID: p4rt.ElectionID{Low: 4}})
	s := until(t, c, "refusal", func(s Status) bool { return s.Switches[0].Phase == Failing }).Switches[0]
	if !strings.Contains(s.Reason, "not primary with election id 4: the controller with id 5 owns the switch") {
		t.Errorf("reason %q", s.Reason)
	}
	other.Close()
	ready(t, c)
}

func TestApply(t *testing.T) {
	cfg, _ := fig2(t)
	w := &tap{}
	c, _ := run(t, cfg, w, Options{})
	ready(t, c)
	before := w.count()

	next := *cfg
	next.Channels = append(slices.Clone(cfg.Channels), config.Channel{Name: "more", Site: "studio",
		SourceEID: cfg.Channels[0].SourceEID, Ingress: cfg.Channels[0].Ingress})
	if err := next.Complete(); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(&next); err != nil {
		t.Fatal(err)
	}
	if err := eventually(func() error { return differs(c, "etr-3") }); err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	for _, name := range []string{"itr", "etr-1", "etr-2"} {
		if err := eventually(func() error { return differs(c, name) }); err != nil {
			t.Error(err)
		}
	}
	if got := w.count() - before; got != 4 { // one channel, three streams
		t.Errorf("%d updates for one more channel, want 4", got)
	}

	// Without etr-3, its owner ends and the others stay ready.
	fewer := next
	fewer.Switches = next.Switches[:3]
	if err := c.Apply(&fewer); err != nil {
		t.Fatal(err)
	}
	if got := len(c.Status().Switches); got != 3 {
		t.Errorf("%d switches", got)
	}
	ready(t, c)
}

func TestSetMappings(t *testing.T) {
	cfg, _ := fig2(t)
	w := &tap{}
	c, _ := run(t, cfg, w, Options{})
	ready(t, c)
	before := w.count()

	// What did not change writes nothing.
	if err := c.SetMappings(StaticMappings(cfg)); err != nil {
		t.Fatal(err)
	}
	// viewers-1 moves to another RLOC.
	moved := StaticMappings(cfg)
	rloc := netip.MustParseAddr("192.0.2.99")
	for i := range moved {
		if moved[i].Prefix == cfg.FindSite("viewers-1").EIDPrefixes[0] {
			moved[i].RLOCs = []config.RLOC{{Address: rloc, Priority: 1, Weight: 100}}
		}
	}
	if err := c.SetMappings(moved); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"itr", "etr-2", "etr-3", "etr-1"} {
		if err := eventually(func() error { return differs(c, name) }); err != nil {
			t.Error(err)
		}
	}
	// Three switches have the mapping; etr-1 is behind it. Each gets the new
	// RLOC, the mapping, and is rid of the old RLOC.
	if got := w.count() - before; got != 9 {
		t.Errorf("%d updates for a mapping that moved, want 9", got)
	}
	// A new configuration does not bring back the old mappings.
	before = w.count()
	if err := c.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	if got := w.count() - before; got != 0 {
		t.Errorf("%d updates for the same configuration", got)
	}
	// A mapping that contradicts one before it is left out, and so is one that
	// cannot be. The others are not held up.
	wrong := append(StaticMappings(cfg), moved[0], Mapping{Prefix: netip.MustParsePrefix("10.66.0.1/16")},
		Mapping{Prefix: netip.MustParsePrefix("10.66.0.0/16"), RLOCs: moved[0].RLOCs})
	err := c.SetMappings(wrong)
	if err == nil || !strings.Contains(err.Error(), "two mappings of") || !strings.Contains(err.Error(), "10.66.0.1/16") {
		t.Errorf("%v", err)
	}
	ready(t, c)
	holds(t, c, "itr")
	if c.state.table[lisp.EID{Prefix: netip.MustParsePrefix("10.66.0.0/16")}] == nil {
		t.Error("a right mapping was held up by wrong ones")
	}
}

func TestCounters(t *testing.T) {
	cfg, targets := fig2(t)
	c, _ := run(t, cfg, nil, Options{})
	ready(t, c)
	mac := cfg.FindSwitch("itr").FindPort(1).MAC
	frame := make([]byte, 60)
	copy(frame, mac[:])
	send := func(etherType uint16) {
		binary.BigEndian.PutUint16(frame[12:], etherType)
		if _, err := targets["itr"].cable.Send([][]byte{frame}); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()

	send(0x9000)
	if err := eventually(func() error {
		drops, err := c.Drops(ctx, "itr")
		if err == nil && (len(drops) != 1 || drops["not_ip"] != p4rt.Count{Packets: 1, Bytes: 60}) {
			err = fmt.Errorf("drops %v, want one not_ip", drops)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	// ARP is punted: counted by the switch and, on arrival, by us.
	send(build.EthertypeARP)
	until(t, c, "a punt", func(s Status) bool { return one(s, "itr").Punts["arp"] == 1 })
	if punts, err := c.Punts(ctx, "itr"); err != nil || punts["arp"].Packets != 1 {
		t.Errorf("punts %v, %v", punts, err)
	}
	noEvents(t, c, "etr-1")
}

// What an ITR sends of a channel is counted for the channel and for each RLOC.
func TestChannelCounters(t *testing.T) {
	cfg, targets := fig2(t)
	c, _ := run(t, cfg, nil, Options{})
	ready(t, c)
	send := func(packet []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		d := inet.Datagram{TTL: 64, Src: netip.MustParseAddrPort("10.0.0.10:5000"),
			Dst: netip.AddrPortFrom(cfg.Channels[0].ReservedEID, wire.Port), Payload: packet}
		ethernet := inet.Ethernet{Dst: inet.MAC(cfg.FindSwitch("itr").FindPort(1).MAC), Type: build.EthertypeIPv4}
		frame, err := d.Append(ethernet.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := targets["itr"].cable.Send([][]byte{frame}); err != nil {
			t.Fatal(err)
		}
	}
	media := []byte("sixteen payloads")
	id := wire.Identify(1, media)
	send(wire.AppendPayload(nil, id, media))
	for _, viewer := range []string{"10.1.0.11:5004", "10.1.0.12:5004", "10.3.0.11:5004"} {
		send(wire.AppendHeader4(nil, id, []netip.AddrPort{netip.MustParseAddrPort(viewer)}))
	}
	want := map[netip.Addr]Sent{
		netip.MustParseAddr("192.0.2.21"): {Headers: 2, Copies: 1},
		netip.MustParseAddr("192.0.2.23"): {Headers: 1, Copies: 1},
	}
	ctx := context.Background()
	if err := eventually(func() error {
		sent, err := c.RLOCEvents(ctx, "news")
		if err == nil && !maps.Equal(sent, want) {
			err = fmt.Errorf("sent %v, want %v", sent, want)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	events, err := c.ChannelEvents(ctx, "news")
	if err != nil || events["payload"].Packets != 1 || events["header"].Packets != 3 || events["copy"].Packets != 2 {
		t.Errorf("events %v, %v", events, err)
	}
	all, err := c.SwitchLoad(ctx, "itr", 10)
	if err != nil || len(all.Channels) != 1 || all.Channels["news"]["header"] != events["header"] || all.Channels["news"]["copy"].Packets != 2 {
		t.Errorf("all of the ITR: %+v, %v", all, err)
	}
	if none, err := c.SwitchLoad(ctx, "itr", 0); err != nil || len(none.Channels) != 0 {
		t.Errorf("no channels asked for: %+v, %v", none, err)
	}
	load, err := c.ChannelLoad(ctx, "news")
	if err != nil || load.ITR != "itr" || len(load.Pairs) != 1 || !maps.Equal(load.Pairs[0].RLOCs, want) ||
		load.Pairs[0].Events["payload"].Packets != 1 || load.Pairs[0].Reserved != cfg.Channels[0].ReservedEID {
		t.Errorf("load %+v, %v", load, err)
	}
	if len(load.Streams) != 3 || load.Streams[0].Switch != "etr-1" || load.Streams[0].Site != "viewers-1" ||
		!slices.Equal(load.Streams[0].RLOCs, []netip.Addr{netip.MustParseAddr("192.0.2.21")}) || load.Streams[0].Err != nil {
		t.Errorf("streams %+v", load.Streams)
	}
}

func TestTables(t *testing.T) {
	cfg, _ := fig2(t)
	c, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]TableUse{}
	for _, use := range c.Tables("etr-2") {
		uses[use.Table] = use
	}
	if got, want := uses[build.TableEids4], (TableUse{build.TableEids4, 9, build.MaxEIDs}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if uses[build.TablePorts].Wanted != 2 || uses[build.TableEids6].Wanted != 0 {
		t.Errorf("%+v", uses)
	}
	if c.Tables("nobody") != nil {
		t.Error("tables of a switch that does not exist")
	}
}

// noEvents expects counters that can be read and have counted nothing.
func noEvents(t *testing.T, c *Controller, etr string) {
	t.Helper()
	ctx, channel := context.Background(), c.Channels()[0].Name
	if events, err := c.ChannelEvents(ctx, channel); err != nil || len(events) != 0 {
		t.Errorf("events %v, %v", events, err)
	}
	if events, err := c.StreamEvents(ctx, etr, channel); err != nil || len(events) != 0 {
		t.Errorf("events %v, %v", events, err)
	}
	if sent, err := c.RLOCEvents(ctx, channel); err != nil || len(sent) != 0 {
		t.Errorf("sent %v, %v", sent, err)
	}
	if load, err := c.ChannelLoad(ctx, channel); err != nil || len(load.Pairs[0].Events)+len(load.Pairs[0].RLOCs) != 0 {
		t.Errorf("load %+v, %v", load, err)
	}
	if _, err := c.ChannelLoad(ctx, "old"); err == nil {
		t.Error("load of a channel that does not exist")
	}
	if _, err := c.RLOCEvents(ctx, "old"); err == nil {
		t.Error("RLOCs of a channel that does not exist")
	}
	if _, err := c.ChannelEvents(ctx, "old"); err == nil {
		t.Error("events of a channel that does not exist")
	}
	if _, err := c.StreamEvents(ctx, etr, "old"); err == nil {
		t.Error("events of a stream that does not exist")
	}
}
