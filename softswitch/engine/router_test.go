package engine

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

func ipv4(src, dst uint32, proto, ttl byte, rest ...byte) []byte {
	b := make([]byte, 34)
	copy(b[0:], []byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0, 0x45})
	binary.BigEndian.PutUint16(b[16:], uint16(20+len(rest)))
	b[22], b[23] = ttl, proto
	binary.BigEndian.PutUint32(b[26:], src)
	binary.BigEndian.PutUint32(b[30:], dst)
	binary.BigEndian.PutUint16(b[24:], csum16(b[14:34]))
	return append(b, rest...)
}

func udp(dport uint16) []byte {
	return []byte{0x10, 0, byte(dport >> 8), byte(dport), 0, 9, 0, 0, 'x'}
}

func be(v uint64, n int) []byte { return binary.BigEndian.AppendUint64(nil, v)[8-n:] }

const (
	routeTable = "I.route"
	aclTable   = "I.acl"
)

func route(prefix uint32, length int, port uint64) Entry {
	return Entry{
		Match:  []Match{{Value: be(uint64(prefix), 4), PrefixLen: length}},
		Action: "I.to", Params: [][]byte{be(port, 2), be(0x020000000000+port, 6)},
	}
}

func newRouter(t testing.TB) *Dataplane {
	d := New(compileFile(t, "router"), Config{})
	for _, e := range []Entry{route(0x0a000000, 8, 1), route(0x0a010000, 16, 2), route(0x0a010203, 32, 3)} {
		if err := d.InsertEntry(routeTable, e); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestRouter(t *testing.T) {
	d := newRouter(t)
	cases := []struct {
		name string
		dst  uint32
		port uint32 // 0: dropped
	}{{"short prefix", 0x0a020304, 1}, {"longer prefix", 0x0a010204, 2}, {"host", 0x0a010203, 3}, {"no route", 0x0b000001, 0}}
	for _, c := range cases {
		in := ipv4(0x01020304, c.dst, 17, 64, udp(53)...)
		got := run(d, 1, in)
		if c.port == 0 {
			if len(got) != 0 {
				t.Errorf("%s: sent %s", c.name, dump(got))
			}
			continue
		}
		want := ipv4(0x01020304, c.dst, 17, 63, udp(53)...)
		copy(want[6:], in[:6])
		copy(want, be(0x020000000000+uint64(c.port), 6))
		if !slices.Equal(got, []sent{{c.port, string(want)}}) {
			t.Errorf("%s: got %s\nwant %x", c.name, dump(got), want)
		}
	}
	bad := ipv4(1, 0x0a010203, 17, 64, udp(53)...)
	bad[24]++
	if got := run(d, 1, bad); len(got) != 0 {
		t.Errorf("wrong checksum: sent %s", dump(got))
	}
	if got := run(d, 1, ipv4(1, 0x0a010203, 17, 64)[:33]); len(got) != 0 {
		t.Errorf("truncated header: sent %s", dump(got))
	}
	checkCounters(t, d)
}

func checkCounters(t *testing.T, d *Dataplane) {
	t.Helper()
	e, err := d.ReadEntry(routeTable, route(0x0a010203, 32, 0))
	if err != nil || e.Counter != (CounterValue{1, 43}) {
		t.Errorf("direct counter: %+v, %v", e.Counter, err)
	}
	if e, err = d.DefaultAction(routeTable); err != nil || e.Action != "I.miss" || e.Counter.Packets != 1 {
		t.Errorf("default action: %+v, %v", e, err)
	}
	// proto 17 and tos 0 is class 2 of the const entries
	if v, err := d.ReadCounter("I.classes", 2); err != nil || v.Packets != 4 {
		t.Errorf("class counter: %+v, %v", v, err)
	}
}

func TestModifyKeepsCounterAndDeleteRemoves(t *testing.T) {
	d := newRouter(t)
	pkt := ipv4(1, 0x0a010203, 17, 64, udp(53)...)
	run(d, 1, pkt)
	if err := d.ModifyEntry(routeTable, route(0x0a010203, 32, 5)); err != nil {
		t.Fatal(err)
	}
	if got := run(d, 1, pkt); len(got) != 1 || got[0].port != 5 {
		t.Errorf("after modify: %s", dump(got))
	}
	e, err := d.ReadEntry(routeTable, route(0x0a010203, 32, 0))
	if err != nil || e.Counter.Packets != 2 {
		t.Errorf("counter after modify: %+v %v", e.Counter, err)
	}
	if err := d.DeleteEntry(routeTable, e); err != nil {
		t.Fatal(err)
	}
	if got := run(d, 1, pkt); len(got) != 1 || got[0].port != 2 {
		t.Errorf("after delete: %s", dump(got))
	}
}

func TestAccessList(t *testing.T) {
	d := newRouter(t)
	entry := func(prio int, action string, m ...Match) Entry {
		return Entry{Match: m, Priority: prio, Action: action}
	}
	host := Match{Value: be(7, 4), Mask: be(0xffffffff, 4)}
	for _, e := range []Entry{
		entry(10, "I.deny", host, Match{}, Match{}, Match{}),
		entry(20, "I.permit", host, Match{}, Match{Value: be(4, 2)}, Match{}),
		entry(30, "I.deny", Match{}, Match{}, Match{}, Match{Low: be(1000, 2), High: be(2000, 2)}),
	} {
		if err := d.InsertEntry(aclTable, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		src   uint32
		port  uint32
		dport uint16
		pass  bool
	}{{7, 1, 53, false}, {7, 4, 53, true}, {7, 4, 1000, false}, {8, 1, 2000, false}, {8, 1, 2001, true}, {8, 1, 999, true}} {
		if got := run(d, c.port, ipv4(c.src, 0x0a010203, 17, 9, udp(c.dport)...)); (len(got) == 1) != c.pass {
			t.Errorf("%+v: sent %s", c, dump(got))
		}
	}
	e := entry(20, "I.permit", host, Match{}, Match{Value: be(4, 2)}, Match{})
	if err := d.SetDirectMeter(aclTable, e, &MeterConfig{CIR: 1, CBurst: 1, PIR: 1, PBurst: 1}); err != nil {
		t.Fatal(err)
	}
	pass := 0
	for range 10 {
		pass += len(run(d, 4, ipv4(7, 0x0a010203, 17, 9, udp(53)...)))
	}
	if pass != 1 && pass != 2 { // a second may begin meanwhile
		t.Errorf("metered: %d of 10 passed", pass)
	}
}

func TestIPv6UsesWideKeysAndSaturates(t *testing.T) {
	d := New(compileFile(t, "router"), Config{})
	dst, via := make([]byte, 16), make([]byte, 16)
	dst[0], dst[15], via[15] = 0x20, 1, 0x99
	for _, e := range []Entry{
		{Match: []Match{{Value: append([]byte{0x20}, make([]byte, 15)...), PrefixLen: 8}}, Action: "I.to6", Params: [][]byte{{5}, via}},
		{Match: []Match{{}}, Action: "I.drop"},
	} {
		if err := d.InsertEntry("I.route6", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.InsertEntry("I.host6", Entry{Match: []Match{{Value: dst}, {Value: be(80, 2)}}, Action: "I.to6", Params: [][]byte{{6}, dst}}); err != nil {
		t.Fatal(err)
	}
	pkt := func(src, dst []byte, hops byte, dport uint16) []byte {
		b := append(make([]byte, 12), 0x86, 0xdd, 0x60, 0, 0, 0, 0, 9, 17, hops)
		return append(append(append(b, src...), dst...), udp(dport)...)
	}
	other := slices.Clone(dst)
	other[0] = 0x30
	for _, c := range []struct {
		name     string
		src, dst []byte
		hops     byte
		want     []sent
	}{
		{"prefix", other, dst, 3, []sent{{5, string(pkt(other, via, 2, 80))}}},
		{"host", dst, other, 0, []sent{{6, string(pkt(dst, dst, 0, 80))}}},
		{"dropped", other, other, 3, nil},
	} {
		if got := run(d, 1, pkt(c.src, c.dst, c.hops, 80)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %s\nwant %s", c.name, dump(got), dump(c.want))
		}
	}
}

func TestControlPlaneErrors(t *testing.T) {
	d := newRouter(t)
	good := route(0x0a000000, 8, 1)
	with := func(f func(*Entry)) Entry {
		e := route(0x0b000000, 8, 1)
		f(&e)
		return e
	}
	for name, c := range map[string]struct{ got, want error }{
		"unknown table":         {d.InsertEntry("nope", good), ErrUnknownTable},
		"exists":                {d.InsertEntry(routeTable, good), ErrExists},
		"modify missing":        {d.ModifyEntry(routeTable, route(0x0c000000, 8, 1)), ErrNotFound},
		"delete missing":        {d.DeleteEntry(routeTable, route(0x0c000000, 8, 1)), ErrNotFound},
		"unknown action":        {d.InsertEntry(routeTable, with(func(e *Entry) { e.Action = "I.permit" })), ErrUnknownAction},
		"too few parameters":    {d.InsertEntry(routeTable, with(func(e *Entry) { e.Params = e.Params[:1] })), ErrBadValue},
		"parameter too wide":    {d.InsertEntry(routeTable, with(func(e *Entry) { e.Params[0] = be(512, 2) })), ErrBadValue},
		"host bits":             {d.InsertEntry(routeTable, with(func(e *Entry) { e.Match[0].PrefixLen = 7 })), ErrBadValue},
		"prefix too long":       {d.InsertEntry(routeTable, with(func(e *Entry) { e.Match[0].PrefixLen = 33 })), ErrBadValue},
		"match missing":         {d.InsertEntry(routeTable, with(func(e *Entry) { e.Match = nil })), ErrBadValue},
		"priority not wanted":   {d.InsertEntry(routeTable, with(func(e *Entry) { e.Priority = 1 })), ErrBadValue},
		"priority wanted":       {d.InsertEntry(aclTable, Entry{Match: make([]Match, 4), Action: "I.permit"}), ErrBadValue},
		"const entries":         {d.InsertEntry("I.classify", Entry{}), ErrConst},
		"const default":         {d.SetDefaultAction("I.classify", "I.set_class", [][]byte{{1}}), ErrConst},
		"counter out of range":  {d.WriteCounter("I.classes", 8, CounterValue{}), ErrOutOfRange},
		"unknown counter":       {d.WriteCounter("nope", 0, CounterValue{}), ErrUnknownObject},
		"group 0":               {d.InsertMulticastGroup(MulticastGroup{}), ErrBadValue},
		"group missing":         {d.ModifyMulticastGroup(MulticastGroup{ID: 3}), ErrNotFound},
		"session missing":       {d.DeleteCloneSession(3), ErrNotFound},
		"meter of wrong table":  {d.SetDirectMeter(routeTable, good, nil), ErrUnknownObject},
		"counter without entry": {d.WriteDirectCounter(routeTable, route(0x0c000000, 8, 1), CounterValue{}), ErrNotFound},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestTableFullAndReadBack(t *testing.T) {
	d := New(compileFile(t, "router"), Config{})
	info, _ := d.Program().Table(routeTable)
	for i := range info.MaxSize {
		if err := d.InsertEntry(routeTable, route(uint32(i)<<8, 24, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.InsertEntry(routeTable, route(0xff000000, 8, 1)); !errors.Is(err, ErrTableFull) {
		t.Errorf("insert into a full table: %v", err)
	}
	seen := map[string]bool{}
	if err := d.ReadEntries(routeTable, func(e Entry) bool {
		seen[string(e.Match[0].Value)] = true
		if err := d.DeleteEntry(routeTable, e); err != nil { // reading holds no lock
			t.Fatal(err)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != info.MaxSize {
		t.Errorf("read %d entries of %d", len(seen), info.MaxSize)
	}
	if e, err := d.ReadEntry(routeTable, route(0, 24, 1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("after deleting all: %+v %v", e, err)
	}
}
