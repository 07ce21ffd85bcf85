package p4rt

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// testInfo has every kind of match field. Ids do not start at 1.
const testInfo = `
tables { preamble { id: 0x02000005 name: "routes" }
  match_fields { id: 4 name: "vrf" bitwidth: 9 match_type: EXACT }
  match_fields { id: 7 name: "dst" bitwidth: 32 match_type: LPM }
  action_refs { id: 0x01000003 } action_refs { id: 0x01000002 scope: DEFAULT_ONLY } const_default_action_id: 0x01000002 }
tables { preamble { id: 0x02000006 name: "acl" }
  match_fields { id: 1 name: "src" bitwidth: 32 match_type: TERNARY }
  match_fields { id: 2 name: "sport" bitwidth: 16 match_type: RANGE }
  match_fields { id: 3 name: "tos" bitwidth: 6 match_type: OPTIONAL }
  action_refs { id: 0x01000003 } }
tables { preamble { id: 0x02000007 name: "limit" } action_refs { id: 0x01000003 } }
actions { preamble { id: 0x01000003 name: "send" }
  params { id: 9 name: "port" bitwidth: 9 } params { id: 2 name: "mac" bitwidth: 48 } }
actions { preamble { id: 0x01000002 name: "drop" } }
counters { preamble { id: 0x12000001 name: "drops" } spec { unit: BOTH } size: 8 }
meters { preamble { id: 0x14000001 name: "rates" } spec { unit: PACKETS } size: 4 }
controller_packet_metadata { preamble { id: 1 name: "packet_in" } metadata { id: 1 name: "in" bitwidth: 16 } }
controller_packet_metadata { preamble { id: 2 name: "packet_out" } metadata { id: 1 name: "out" bitwidth: 9 } }
`

func testSchema(t testing.TB) *Schema {
	t.Helper()
	info := &p4configv1.P4Info{}
	if err := prototext.Unmarshal([]byte(testInfo), info); err != nil {
		t.Fatal(err)
	}
	s, err := NewSchema(info)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func route(vrf int, dst string, port uint16) *Entry {
	p := netip.MustParsePrefix(dst)
	return &Entry{Table: "routes",
		Match:  []Match{LPM("dst", Addr(p.Addr()), p.Bits()), Exact("vrf", Uint(vrf))},
		Action: "send", Params: []Param{{"port", Uint(port)}, {"mac", MAC([6]byte{2, 0, 0, 0, 0, 1})}}}
}

func TestCanonical(t *testing.T) {
	s := testSchema(t)
	got, err := s.Canonical(route(3, "10.1.2.3/16", 7))
	if err != nil {
		t.Fatal(err)
	}
	if want := "routes vrf=3 dst=10.1.0.0/16 -> send(mac=02:00:00:00:00:01, port=7)"; got.String() != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if got, err = s.Canonical(route(3, "10.1.2.3/0", 7)); err != nil || len(got.Match) != 1 {
		t.Errorf("a prefix of length 0 is a don't care: %v, %v", got, err)
	}
	acl := &Entry{Table: "acl", Priority: 5, Action: "send", Params: route(0, "0.0.0.0/0", 1).Params, Match: []Match{
		{Field: "sport", Value: "\x00\x00", High: "\xff\xff"},
		{Field: "src", Value: "\x0a\x01\x02\x03", Mask: "\xff\xff\x00\x00"}}}
	if got, err = s.Canonical(acl); err != nil || got.Key() != "acl src=10.1.0.0&255.255.0.0 priority=5" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCanonicalNamesWhatIsWrong(t *testing.T) {
	s := testSchema(t)
	for _, tc := range []struct {
		name string
		edit func(*Entry)
		want string
	}{
		{"table", func(e *Entry) { e.Table = "roots" }, `no table "roots" in the program; it has acl, limit, routes`},
		{"field", func(e *Entry) { e.Match[0].Field = "dest" }, `table routes: no match field "dest"; it has vrf, dst`},
		{"missing field", func(e *Entry) { e.Match = e.Match[:1] }, "match field vrf is missing"},
		{"field twice", func(e *Entry) { e.Match = append(e.Match, e.Match[1]) }, "match field vrf is given twice"},
		{"width", func(e *Entry) { e.Match[1].Value = Uint(512) }, "match field vrf: value 512 needs 10 bits and has 9"},
		{"prefix", func(e *Entry) { e.Match[0].PrefixLen = 33 }, "match field dst: prefix length 33: must be 0 to 32"},
		{"action", func(e *Entry) { e.Action = "sent" }, `no action "sent" in the program; the table has drop, send`},
		{"default only", func(e *Entry) { e.Action, e.Params = "drop", nil }, "action drop is for the default entry alone"},
		{"parameter", func(e *Entry) { e.Params[0].Name = "prot" }, `action send: no parameter "prot"; it has mac, port`},
		{"missing parameter", func(e *Entry) { e.Params = e.Params[:1] }, "action send: parameter mac is missing"},
		{"parameter twice", func(e *Entry) { e.Params[1] = e.Params[0] }, "parameter port is given twice"},
		{"parameter width", func(e *Entry) { e.Params[0].Value = Uint(1000) }, "parameter port: value 1000 needs 10 bits and has 9"},
		{"priority", func(e *Entry) { e.Priority = 1 }, "priority 1: must be above 0 exactly where"},
		{"constant default", func(e *Entry) { *e = Entry{Table: "routes", Default: true, Action: "drop"} }, "the default action is constant"},
		{"keyless", func(e *Entry) { *e = Entry{Table: "limit", Action: "send"} }, "has no match fields: only its default entry can be set"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := route(3, "10.0.0.0/8", 7)
			tc.edit(e)
			_, err := s.Encode(e)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// What is encoded comes back equal, whatever the order it was given in, and
// nothing on the wire has a leading zero.
func TestEncodeDecode(t *testing.T) {
	s := testSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		e := drawEntry(t)
		want, err := s.Canonical(e)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := *e
		shuffled.Match = append([]Match(nil), e.Match...)
		rand.Shuffle(len(shuffled.Match), func(i, j int) {
			shuffled.Match[i], shuffled.Match[j] = shuffled.Match[j], shuffled.Match[i]
		})
		entity, err := s.Encode(&shuffled)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range entity.GetTableEntry().GetAction().GetAction().GetParams() {
			if len(p.Value) == 0 || len(p.Value) > 1 && p.Value[0] == 0 {
				t.Fatalf("parameter %d is % x", p.ParamId, p.Value)
			}
		}
		got, err := s.Decode(entity)
		if err != nil {
			t.Fatal(err)
		}
		if !got.(*Entry).Equal(want) || got.Key() != want.Key() {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func drawEntry(t *rapid.T) *Entry {
	u32, u16 := rapid.Uint32(), rapid.Uint16()
	params := []Param{{"mac", Uint(rapid.Uint64Range(0, 1<<48-1).Draw(t, "mac"))}, {"port", Uint(rapid.IntRange(0, 511).Draw(t, "port"))}}
	switch rapid.IntRange(0, 2).Draw(t, "table") {
	case 0:
		return &Entry{Table: "routes", Action: "send", Params: params, Match: []Match{
			Exact("vrf", Uint(rapid.IntRange(0, 511).Draw(t, "vrf"))),
			LPM("dst", Uint(u32.Draw(t, "dst")), rapid.IntRange(0, 32).Draw(t, "plen"))}}
	case 1:
		e := &Entry{Table: "acl", Action: "send", Params: params, Priority: rapid.Int32Range(1, 1<<30).Draw(t, "priority"), Match: []Match{
			{Field: "src", Value: Uint(u32.Draw(t, "src")), Mask: Uint(u32.Draw(t, "mask"))},
			{Field: "sport", Value: Uint(u16.Draw(t, "low")), High: Uint(u16.Draw(t, "high"))}}}
		if rapid.Bool().Draw(t, "tos") {
			e.Match = append(e.Match, Exact("tos", Uint(rapid.IntRange(0, 63).Draw(t, "tos value"))))
		}
		return e
	}
	return &Entry{Table: "limit", Action: "send", Params: params, Default: true}
}

func TestGroups(t *testing.T) {
	s := testSchema(t)
	g := &Group{ID: 0x1002, Replicas: []Replica{{2, 1}, {2, 2}}}
	e, err := s.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.Decode(e)
	if err != nil || back.String() != "multicast_group 0x1002 -> port 2 rid 1, port 2 rid 2" {
		t.Errorf("got %v, %v", back, err)
	}
	run := &Group{ID: 1, Replicas: []Replica{{2, 1}, {2, 2}, {2, 3}, {3, 4}, {3, 6}}}
	if got := run.String(); got != "multicast_group 0x1 -> port 2 rid 1..3, port 3 rid 4, port 3 rid 6" {
		t.Errorf("prints %s", got)
	}
	if !g.SameReplicas(&Group{ID: 0x1002, Replicas: []Replica{{2, 2}, {2, 1}}}) || g.SameReplicas(&Group{Replicas: []Replica{{2, 1}, {2, 1}}}) {
		t.Error("SameReplicas compares order, or not all")
	}
}

func TestValueString(t *testing.T) {
	for v, want := range map[Value]string{
		Uint(0): "0", Uint(70000): "70000", Addr(netip.MustParseAddr("192.0.2.1")): "192.0.2.1",
		MAC([6]byte{0, 1, 2, 3, 4, 5}): "00:01:02:03:04:05", Addr(netip.MustParseAddr("2001:db8::1")): "2001:db8::1",
		Uint(uint64(1 << 60)): "0x1000000000000000",
	} {
		if v.String() != want {
			t.Errorf("got %v, want %s", v, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	s := testSchema(f)
	for _, e := range []Object{route(1, "10.0.0.0/8", 2), &Group{ID: 1, Replicas: []Replica{{1, 1}}},
		&Meter{Name: "rates", Index: 3, Config: &MeterConfig{1, 2, 3, 4}}} {
		entity, err := s.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		b, err := proto.Marshal(entity)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entity := &p4v1.Entity{}
		if proto.Unmarshal(b, entity) != nil {
			return
		}
		o, err := s.Decode(entity)
		if err != nil {
			return
		}
		again, err := s.Encode(o)
		if err != nil {
			t.Fatalf("%v was decoded and cannot be encoded: %v", o, err)
		}
		back, err := s.Decode(again)
		if err != nil || back.String() != o.String() {
			t.Fatalf("%v became %v: %v", o, back, err)
		}
	})
}
