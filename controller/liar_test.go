package controller

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/p4/build"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func tableEntry(e *p4v1.TableEntry) *p4v1.ReadResponse {
	return &p4v1.ReadResponse{Entities: []*p4v1.Entity{{Entity: &p4v1.Entity_TableEntry{TableEntry: e}}}}
}

func action(id uint32, params ...*p4v1.Action_Param) *p4v1.TableAction {
	return &p4v1.TableAction{Type: &p4v1.TableAction_Action{Action: &p4v1.Action{ActionId: id, Params: params}}}
}

func exactly(field uint32, value ...byte) *p4v1.FieldMatch {
	return &p4v1.FieldMatch{FieldId: field, FieldMatchType: &p4v1.FieldMatch_Exact_{Exact: &p4v1.FieldMatch_Exact{Value: value}}}
}

func tells(e *p4v1.TableEntry) func(*responder) {
	return func(r *responder) {
		r.read = func(s p4v1.P4Runtime_ReadServer) error { return s.Send(tableEntry(e)) }
	}
}

func actionID(name string) uint32 {
	for _, a := range build.P4Info().GetActions() {
		if a.GetPreamble().GetName() == name {
			return a.GetPreamble().GetId()
		}
	}
	panic("no action " + name)
}

// A switch that lies is named with what it did and what to do about it, and the
// switch beside it is filled as if it were alone.
func TestLyingSwitch(t *testing.T) {
	cases := []struct {
		name     string
		lie      func(*responder)
		want     string
		fix      string
		packetIn bool // stays ready, and counts
	}{
		{name: "unknown table id", want: "entry of table id 0x7777", fix: "restart it",
			lie: tells(&p4v1.TableEntry{TableId: 0x7777, Action: action(1)})},
		{name: "table id 0", want: "entry of table id 0x0", fix: "restart it",
			lie: tells(&p4v1.TableEntry{Action: action(1)})},
		{name: "unknown field id", want: "field id 99 of table", fix: "restart it",
			lie: tells(&p4v1.TableEntry{TableId: tableID(build.TablePorts), Match: []*p4v1.FieldMatch{exactly(99, 1)}, Action: action(actionID(build.ActionPort))})},
		{name: "unknown action id", want: "action id 0x6666", fix: "restart it",
			lie: tells(&p4v1.TableEntry{TableId: tableID(build.TablePorts), Match: []*p4v1.FieldMatch{exactly(1, 1)}, Action: action(0x6666)})},
		{name: "value too wide", want: "impossible entry", fix: "restart it",
			lie: tells(&p4v1.TableEntry{TableId: tableID(build.TablePorts), Match: []*p4v1.FieldMatch{exactly(1, bytes.Repeat([]byte{255}, 40)...)},
				Action: action(actionID(build.ActionPort))})},
		{name: "no entity", want: "not asked for", fix: "restart it", lie: func(r *responder) {
			r.read = func(s p4v1.P4Runtime_ReadServer) error {
				return s.Send(&p4v1.ReadResponse{Entities: []*p4v1.Entity{{}}})
			}
		}},
		{name: "endless read", want: "twice", fix: "restart it", lie: func(r *responder) {
			r.read = func(s p4v1.P4Runtime_ReadServer) error {
				many, table, own := &p4v1.ReadResponse{}, tableID(build.TableMyRlocs4), actionID(build.ActionOwnRLOC)
				for i := range 5000 {
					many.Entities = append(many.Entities, tableEntry(&p4v1.TableEntry{TableId: table,
						Match: []*p4v1.FieldMatch{exactly(1, byte(i>>8), byte(i))}, Action: action(own)}).Entities[0])
				}
				for s.Context().Err() == nil {
					if err := s.Send(many); err != nil {
						return err
					}
				}
				return nil
			}
		}},
		{name: "silence", want: "deadline exceeded", fix: "too slowly", lie: func(r *responder) {
			r.read = func(s p4v1.P4Runtime_ReadServer) error { <-s.Context().Done(); return nil }
		}},
		{name: "wrong device", want: "arbitration of device 77", fix: "restart it", lie: func(r *responder) {
			r.stream = func(s p4v1.P4Runtime_StreamChannelServer) error {
				s.Recv()
				s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Arbitration{
					Arbitration: &p4v1.MasterArbitrationUpdate{DeviceId: 77, Status: &rpcstatus.Status{}}}})
				<-s.Context().Done()
				return nil
			}
		}},
		{name: "no such device", want: "NotFound", fix: "check device_id", lie: func(r *responder) {
			r.stream = func(p4v1.P4Runtime_StreamChannelServer) error {
				return status.Error(codes.NotFound, "no device 1")
			}
		}},
		{name: "refuses mastership", want: "the controller with id 99 owns the switch", fix: "higher election id", lie: func(r *responder) {
			r.stream = func(s p4v1.P4Runtime_StreamChannelServer) error {
				s.Recv()
				s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Arbitration{
					Arbitration: &p4v1.MasterArbitrationUpdate{ElectionId: &p4v1.Uint128{Low: 99}, Status: &rpcstatus.Status{Code: int32(codes.AlreadyExists)}}}})
				<-s.Context().Done()
				return nil
			}
		}},
		{name: "nothing works", want: "Unimplemented", fix: "lacks", lie: func(r *responder) {
			r.read = func(p4v1.P4Runtime_ReadServer) error { return status.Error(codes.Unimplemented, "Read") }
		}},
		{name: "write fails without details", want: "write ", fix: "", lie: func(r *responder) {
			r.write = func(*p4v1.WriteRequest) error { return status.Error(codes.Unknown, "something") }
		}},
		{name: "huge packet-in", packetIn: true, want: "packet-in of 100000 bytes", lie: streams(func(s p4v1.P4Runtime_StreamChannelServer) error {
			return s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Packet{Packet: &p4v1.PacketIn{Payload: make([]byte, 100_000)}}})
		})},
		{name: "digest", packetIn: true, want: "digest with id 0x5", lie: streams(func(s p4v1.P4Runtime_StreamChannelServer) error {
			if err := s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Digest{Digest: &p4v1.DigestList{DigestId: 5, ListId: 8}}}); err != nil {
				return err
			}
			ack, err := s.Recv()
			if err == nil && ack.GetDigestAck().GetListId() != 8 {
				err = status.Errorf(codes.Internal, "digest was answered by %v", ack)
			}
			return err
		})},
		{name: "monstrous message", want: "ResourceExhausted", fix: "beyond every limit", lie: streams(func(s p4v1.P4Runtime_StreamChannelServer) error {
			return s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Packet{Packet: &p4v1.PacketIn{Payload: make([]byte, 8<<20)}}})
		})},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			cfg := load(t, "../examples/fig2.yaml")
			cfg.Switches = cfg.Switches[:2]
			liar, honest := newResponder(), newResponder()
			tc.lie(liar)
			cfg.Switches[0].Address, cfg.Switches[1].Address = serveAny(t, liar), serveAny(t, honest)
			opts := Options{}
			if tc.name == "silence" {
				opts.Timeout = 3 * time.Second // which the honest one keeps on a busy machine too
			}
			c, _ := run(t, cfg, nil, opts)
			s := until(t, c, "the lie", func(s Status) bool {
				sw := s.Switches[0]
				if tc.packetIn {
					return sw.Phase == Ready && sw.StreamErrors > 0
				}
				return sw.Phase == Failing && strings.Contains(sw.Reason, tc.want) && s.Switches[1].Phase == Ready
			})
			if tc.packetIn && !strings.Contains(s.Switches[0].LastStreamError, tc.want) {
				t.Errorf("said %q, want %q", s.Switches[0].LastStreamError, tc.want)
			}
			if !strings.Contains(s.Switches[0].Fix, tc.fix) {
				t.Errorf("%q: fix %q, want %q", s.Switches[0].Reason, s.Switches[0].Fix, tc.fix)
			}
			if err := c.SetMappings(manyMappings(10)); err != nil {
				t.Fatal(err)
			}
			until(t, c, "the other switch to follow", func(s Status) bool { return s.Switches[1].Phase == Ready })
			if s := c.Status().Switches[1]; s.Retries != 0 || s.Drift != 0 {
				t.Errorf("the other switch was disturbed: %+v", s)
			}
		})
	}
}

// streams is a lie that comes after the controller has become primary.
func streams(tell func(p4v1.P4Runtime_StreamChannelServer) error) func(*responder) {
	return func(r *responder) {
		r.stream = func(s p4v1.P4Runtime_StreamChannelServer) error {
			if err := primary(s); err != nil {
				return err
			}
			if err := tell(s); err != nil {
				return err
			}
			<-s.Context().Done()
			return nil
		}
	}
}

// A target that cannot read meters is used, and the lack is named.
func TestTargetWithoutMeters(t *testing.T) {
	cfg := load(t, "../examples/fig2.yaml")
	cfg.Switches = cfg.Switches[:1]
	r := &meterless{responder: newResponder()}
	cfg.Switches[0].Address = serveAny(t, r)
	c, _ := run(t, cfg, nil, Options{})
	ready(t, c)
	if s := c.Status().Switches[0]; len(s.Lacks) != 1 || !strings.Contains(s.Lacks[0], "meters") || s.Version == "" {
		t.Errorf("status %+v", s)
	}
}

// meterless cannot read meters.
type meterless struct{ *responder }

func (m *meterless) Read(q *p4v1.ReadRequest, s p4v1.P4Runtime_ReadServer) error {
	if q.Entities[0].GetMeterEntry() != nil {
		return status.Error(codes.Unimplemented, "meters")
	}
	return m.responder.Read(q, s)
}
