package udp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
)

// forgedRegister is a Map-Register whose key the sender does not know.
func forgedRegister(t testing.TB, records int) []byte {
	m := lisp.MapRegister{WantNotify: true, Nonce: 1, Auth: lisp.Auth{KeyID: 1, Algorithm: lisp.AlgorithmSHA256}}
	for i := range records {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 0}), 24)
		m.Records = append(m.Records, client.Mapping(lisp.EID{Prefix: prefix}, mustAddr("192.0.2.66")))
	}
	packet := mustAppend(t, &m)
	if err := lisp.NewKey([]byte("guessed")).Sign(packet); err != nil {
		t.Fatal(err)
	}
	return packet
}

// TestFloodOfForgedRegisters floods a server from many sources, and has a true
// xTR register and ask meanwhile.
func TestFloodOfForgedRegisters(t *testing.T) {
	const budget = 64 // kilobytes a second that are looked at
	server := start(t, families[0], []mapserver.Site{studio()}, mapserver.Options{ForgedRate: budget})
	etr := newXTR(t, server.at, nil)
	mustRegister(t, etr, client.Mapping(mustEID("10.1.0.0/16"), rlocOld)) // the server knows it now

	packet := forgedRegister(t, 20)
	var sender udp.Sender
	sent := 0
	for source := range 20 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 200, 0, byte(source + 1)}), 0)
		socket, err := udp.OpenSocket(at, 0)
		if err != nil {
			t.Skip(err) // a system with one loopback address
		}
		for range 1000 / 50 {
			batch := make([]udp.Datagram, 50)
			for i := range batch {
				batch[i] = udp.Datagram{Remote: server.at, Payload: packet}
			}
			sent += sender.Send(socket, batch).Sent
		}
		socket.Close()
		rloc := []netip.Addr{rlocNew, rlocOld}[source%2]
		mustRegister(t, etr, client.Mapping(mustEID("10.1.0.0/16"), rloc))
		if r := mappingOf(t, server.at, "10.1.2.3"); !leadsTo(rloc)(r) {
			t.Fatalf("in the flood the server answers %+v", r)
		}
	}
	eventually(t, "all are dropped", func() bool {
		dropped := server.Counters().Dropped
		return dropped["hmac"]+dropped["forged-rate"]+server.endpoint.Stats().ReceiveDrops >= uint64(sent)
	})
	dropped := server.Counters().Dropped
	t.Logf("of %d forged Map-Registers %d were verified, %d not looked at", sent, dropped["hmac"], dropped["forged-rate"])
	if dropped["forged-rate"] == 0 {
		t.Errorf("each of %d forged Map-Registers was verified", sent)
	}
}

// TestCostOfForgedRegisters logs what a forged Map-Register costs beside a good
// one, while it is verified and when no more are.
func TestCostOfForgedRegisters(t *testing.T) {
	const n = 2000
	from, local := netip.MustParseAddrPort("127.0.0.1:4342"), mustAddr("127.0.0.1")
	cost := func(rate int, next func(i int) []byte) time.Duration {
		server, err := mapserver.New(time.Now(), []mapserver.Site{studio()}, mapserver.Options{ForgedRate: rate, RegisterRate: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		packets := make([][]byte, n)
		for i := range packets {
			packets[i] = next(i)
		}
		var out mapserver.Outbox
		now := time.Now()
		for _, p := range packets {
			out.Reset()
			server.Handle(now, from, local, p, &out)
		}
		return time.Since(now) / n
	}
	key := lisp.NewKey([]byte(secret))
	forged := forgedRegister(t, 20)
	good := func(i int) []byte {
		var m lisp.MapRegister
		if err := m.Decode(forged); err != nil {
			t.Fatal(err)
		}
		m.Nonce += uint64(i)
		packet := mustAppend(t, &m)
		if err := key.Sign(packet); err != nil {
			t.Fatal(err)
		}
		return packet
	}
	t.Logf("a Map-Register of 20 records: %v good, %v forged, %v forged beyond what is looked at",
		cost(-1, good), cost(-1, func(int) []byte { return forged }), cost(1, func(int) []byte { return forged }))
}
