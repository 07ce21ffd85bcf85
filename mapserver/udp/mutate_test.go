package udp_test

import (
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
)

// mutateVar says how many mutated messages to send; without it they are few
// enough for every run of the tests.
const mutateVar = "CORECAST_MUTATE_MESSAGES"

const (
	mutateDefault = 300_000
	mutateShort   = 30_000
	// mutateBatch is how many are sent before the server is asked for what it
	// must still know.
	mutateBatch = 256
)

func mutateCount(t *testing.T) int {
	switch s := os.Getenv(mutateVar); {
	case s != "":
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q: want a number of messages", mutateVar, s)
		}
		return n
	case testing.Short():
		return mutateShort
	}
	return mutateDefault
}

// target is the site that mutated messages are about: what they change in it
// is theirs to change, and bounded.
func target() mapserver.Site {
	return mapserver.Site{
		Name: "target", EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
		AcceptMoreSpecifics: true, ProxyReply: true, Replay: mapserver.ReplayOff, MaxMappings: 1000,
		Keys: []mapserver.Key{{ID: 1, Secret: []byte(mutatedSecret)}},
	}
}

const mutatedSecret = "mutated"

// TestMutatedMessages sends mutated messages of every type to a running server,
// authenticated ones signed again every other time. It must keep answering
// what it knows, and keep its memory.
func TestMutatedMessages(t *testing.T) {
	count := mutateCount(t)
	seven := target()
	seven.Name, seven.InstanceID = "target 7", 7
	limits := mapserver.Options{
		RequestRate: -1, RegisterRate: -1, ForgedRate: -1,
		MaxHolders: 1000, MaxSubscriptions: 1000, MaxSubscriptionsPerXTR: 100, MaxXTRs: 100,
	}
	server := start(t, families[0], []mapserver.Site{studio(), target(), seven}, limits)
	etr := newXTR(t, server.at, nil)
	mustRegister(t, etr, client.Mapping(mustEID("10.1.0.0/16"), rlocOld))
	before := heap()

	m := newMutator(t, 1)
	socket, err := udp.OpenSocket(netip.AddrPortFrom(server.at.Addr(), 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var sender udp.Sender
	batch := make([]udp.Datagram, mutateBatch)
	for sent := 0; sent < count; sent += len(batch) {
		for i := range batch {
			batch[i] = udp.Datagram{Remote: server.at, Payload: m.next(batch[i].Payload[:0])}
		}
		if r := sender.Send(socket, batch); r.Failed > 0 {
			t.Fatalf("%+v", r)
		}
		// Asking is what keeps the sender from being faster than the server.
		if r := mappingOf(t, server.at, "10.1.2.3"); !leadsTo(rlocOld)(r) {
			t.Fatalf("after %d messages the server answers %+v", sent, r)
		}
	}
	mustRegister(t, etr, client.Mapping(mustEID("10.1.0.0/16"), rlocNew))
	if r := mappingOf(t, server.at, "10.1.2.3"); !leadsTo(rlocNew)(r) {
		t.Errorf("afterwards the server answers %+v", r)
	}
	report(t, server, m, before)
}

// report logs what became of the messages, and checks that they reached all
// parts of the server and took bounded memory.
func report(t *testing.T, server *running, m *mutator, before uint64) {
	c, s := server.Counters(), server.endpoint.Stats()
	grown := (float64(heap()) - float64(before)) / 1e6
	t.Logf("%d messages: %v; %.1f MB grown", s.Received, m.made, grown)
	t.Logf("%d requests, %d registers, %d records, %d subscriptions, %d holders, %d mappings; dropped %v; %d of the kernel's",
		c.Requests, c.Registers, c.Records, c.Subscribed, c.Holders, c.Mappings, c.Dropped, s.ReceiveDrops)
	const bound = 64 // MB
	if grown > bound {
		t.Errorf("%.1f MB grown: more than %d", grown, bound)
	}
	if c.Requests == 0 || c.Registers == 0 || c.Subscribed == 0 || c.Acks+c.Dropped["malformed"] == 0 {
		t.Errorf("the messages did not reach all parts of the server: %+v", c)
	}
	for typ := lisp.TypeMapRequest; typ <= lisp.TypeECM; typ++ {
		if m.made[typ] == 0 {
			t.Errorf("no %s was sent", typ)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// mutator makes mutated messages out of good ones.
type mutator struct {
	good   [][]byte
	key    *lisp.Key
	random *rand.Rand
	made   map[lisp.Type]int
}

// newMutator starts from the hand-made vectors of all messages and from what
// xTRs send.
func newMutator(t *testing.T, seed uint64) *mutator {
	m := &mutator{key: lisp.NewKey([]byte(mutatedSecret)), random: rand.New(rand.NewPCG(seed, 0)), made: map[lisp.Type]int{}}
	paths, err := filepath.Glob("../../lisp/testdata/*.hex")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors of messages: %v", err)
	}
	for _, path := range paths {
		m.good = append(m.good, readHex(t, path))
	}
	m.good = append(m.good, ownMessages(t)...)
	return m
}

// readHex reads bytes in hex; # begins a comment.
func readHex(t *testing.T, path string) (packet []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		packet = append(packet, b...)
	}
	return packet
}

// ownMessages are messages that the server takes: so that mutated ones get far.
func ownMessages(t *testing.T) (packets [][]byte) {
	loopback := mustAddr("127.0.0.1")
	xtr := lisp.XTR{ID: [16]byte{9}, Site: [8]byte{9}}
	eids := []lisp.EID{mustEID("20.1.0.0/16"), mustEID("[7]20.1.2.0/24"), mustEID("[7]2001:db8:2::/48")}
	add := func(packet []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, packet)
	}
	var register lisp.MapRegister
	var request lisp.MapRequest
	for _, eid := range eids {
		register.Records = append(register.Records, client.Mapping(eid, rlocOld, mustAddr("2001:db8:a::1")))
		request.Records = append(request.Records, lisp.EIDRecord{Prefix: lisp.PrefixOf(eid)})
	}
	request.ITRs = []lisp.Address{{IP: mustAddr("2001:db8:b::1")}, {IP: loopback}}
	add(request.Append(nil))
	ecm := lisp.ECM{Inner: lisp.Inner{
		Src: netip.AddrPortFrom(loopback, 40000), Dst: netip.AddrPortFrom(eids[0].Prefix.Addr(), lisp.ControlPort), Message: packets[0],
	}}
	add(ecm.Append(nil))
	request.HasXTR, request.XTR, request.Records[0].Notify = true, xtr, true
	ecm.Inner.Message = mustAppend(t, &request)
	add(ecm.Append(nil))
	for _, algorithm := range []lisp.Algorithm{lisp.AlgorithmSHA1, lisp.AlgorithmSHA256, lisp.AlgorithmSHA256HKDF} {
		register.Auth = lisp.Auth{KeyID: 1, Algorithm: algorithm}
		register.ProxyReply, register.WantNotify, register.HasXTR, register.XTR = true, true, true, xtr
		add(register.Append(nil))
		ack := lisp.MapNotifyAck{Nonce: 1, Auth: register.Auth, Records: register.Records, HasXTR: true, XTR: xtr}
		add(ack.Append(nil))
	}
	return packets
}

func mustAppend(t testing.TB, m interface{ Append([]byte) ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// next appends a mutated message to dst.
func (m *mutator) next(dst []byte) []byte {
	good := m.good[m.random.IntN(len(m.good))]
	m.made[lisp.PeekType(good)]++
	dst = append(dst, good...)
	for range m.random.IntN(4) { // some messages stay good
		dst = m.mutate(dst)
	}
	if m.random.IntN(2) == 0 {
		_ = m.key.Sign(dst) // what cannot be signed goes as it is
	}
	return dst
}

// mutate changes one thing.
func (m *mutator) mutate(b []byte) []byte {
	if len(b) == 0 {
		return append(b, byte(m.random.Uint32()))
	}
	at := m.random.IntN(len(b))
	switch m.random.IntN(8) {
	case 0:
		b[at] ^= 1 << m.random.IntN(8)
	case 1:
		b[at] = byte(m.random.Uint32())
	case 2: // a value at the edge
		b[at] = []byte{0, 1, 127, 128, 254, 255}[m.random.IntN(6)]
	case 3: // the first bytes hold type, flags and counts
		b[m.random.IntN(min(len(b), 4))] ^= 1 << m.random.IntN(8)
	case 4:
		b = b[:at]
	case 5:
		for range 1 + m.random.IntN(64) {
			b = append(b, byte(m.random.Uint32()))
		}
	case 6: // a part again
		b = append(b, b[at:at+m.random.IntN(len(b)-at)]...)
	case 7: // a part of another message
		other := m.good[m.random.IntN(len(m.good))]
		from := m.random.IntN(len(other))
		copy(b[at:], other[from:])
	}
	return b[:min(len(b), 4096)]
}
