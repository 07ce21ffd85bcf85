package udp_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/mapserver/upstream"
)

func listen(t *testing.T, addresses ...string) *udp.Endpoint {
	t.Helper()
	var config udp.Config
	for _, a := range addresses {
		config.Addresses = append(config.Addresses, netip.MustParseAddrPort(a))
	}
	e, err := udp.Listen(config)
	if err != nil {
		t.Skip(err) // a machine without IPv6
	}
	return e
}

// serve runs a Map-Server of one static site behind an endpoint.
func serve(t *testing.T, e *udp.Endpoint) {
	t.Helper()
	site := studio()
	site.RLOCs = []mapserver.RLOC{{Address: rlocOld, Priority: 1, Weight: 100}}
	ipv4, ipv6 := e.Families()
	server, err := mapserver.New(time.Now(), []mapserver.Site{site}, mapserver.Options{NoIPv4: !ipv4, NoIPv6: !ipv6})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Serve(ctx, server)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		server.Close()
	})
}

// One server on several addresses of both families answers at each of them,
// from it.
func TestSeveralAddresses(t *testing.T) {
	e := listen(t, "127.0.0.1:0", "127.0.0.2:0", "[::1]:0")
	serve(t, e)
	if len(e.Addresses()) != 3 {
		t.Fatalf("%v", e.Addresses())
	}
	for _, at := range e.Addresses() {
		if a := lig(t, at, mustEID("10.1.2.3")); a.From != at {
			t.Errorf("asked at %s, answered from %s", at, a.From)
		}
	}
}

// A requester that came by one family and has an ITR-RLOC of the other only is
// answered by that.
func TestAnswersByTheOtherFamily(t *testing.T) {
	e := listen(t, "127.0.0.1:0", "[::1]:0")
	serve(t, e)
	at4, at6 := e.Addresses()[0], e.Addresses()[1]
	from4, itr6 := plainSocket(t, netip.MustParseAddrPort("127.0.0.1:0")), plainSocket(t, netip.MustParseAddrPort("[::1]:0"))
	port := netip.MustParseAddrPort(itr6.LocalAddr().String()).Port()
	m := lisp.MapRequest{Nonce: 1, ITRs: []lisp.Address{{IP: netip.IPv6Loopback()}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(mustEID("10.1.2.3"))}}}
	ecm := lisp.ECM{Inner: lisp.Inner{Src: netip.AddrPortFrom(mustAddr("127.0.0.1"), port), Dst: netip.MustParseAddrPort("10.1.2.3:4342"), Message: mustAppend(t, &m)}}
	if _, err := from4.WriteToUDPAddrPort(mustAppend(t, &ecm), at4); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1500)
	itr6.SetReadDeadline(time.Now().Add(patience))
	n, from, err := itr6.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	var reply lisp.MapReply
	if err := reply.Decode(buffer[:n]); err != nil || from != at6 || reply.Nonce != 1 {
		t.Errorf("from %s: %+v, %v", from, reply, err)
	}
}

// Everything a server on one family cannot send is counted, with a reason.
func TestStatsTellWhatWasNotSent(t *testing.T) {
	e := listen(t, "127.0.0.1:0")
	site := studio()
	site.RLOCs = []mapserver.RLOC{{Address: rlocOld, Priority: 1}}
	server, err := mapserver.New(time.Now(), []mapserver.Site{site}, mapserver.Options{}) // believes that it has IPv6
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Serve(ctx, server)
	}()
	socket := plainSocket(t, netip.MustParseAddrPort("127.0.0.1:0"))
	for _, itr := range []string{"::1", "192.0.2.1"} { // 192.0.2.1 cannot be reached from 127.0.0.1
		m := lisp.MapRequest{ITRs: []lisp.Address{{IP: mustAddr(itr)}}, Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(mustEID("10.1.2.3"))}}}
		if _, err := socket.WriteToUDPAddrPort(mustAppend(t, &m), e.Addresses()[0]); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both are counted", func() bool {
		s := e.Stats()
		return s.Received == 2 && s.SendUnroutable == 1 && s.SendFailed == 1 && s.LastSendError != ""
	})
	t.Log(e.Stats().LastSendError)
	cancel()
	<-done
}

// An endpoint that is closed without serving leaves its addresses.
func TestCloseWithoutServing(t *testing.T) {
	e := listen(t, "127.0.0.1:0")
	at := e.Addresses()[0]
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again := listen(t, at.String())
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := udp.Listen(udp.Config{}); err == nil {
		t.Error("listens on nothing")
	}
	// All or none: the second address is taken, so the first must be free.
	taken, free := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	defer taken.Close()
	first := free.Addresses()[0]
	free.Close()
	if _, err := udp.Listen(udp.Config{Addresses: []netip.AddrPort{first, taken.Addresses()[0]}}); err == nil {
		t.Error("listens on a taken address")
	}
	listen(t, first.String()).Close()
}

// A Map-Server that asks another one upstream, in process.
func TestUpstream(t *testing.T) {
	far := start(t, families[0], []mapserver.Site{studio()}, mapserver.Options{})
	x := newXTR(t, far.at, nil)
	mustRegister(t, x, client.Mapping(mustEID("10.1.0.0/16"), rlocOld))

	near := start(t, families[0], []mapserver.Site{viewers()}, mapserver.Options{})
	r, err := client.NewResolver(client.ResolverConfig{Servers: []netip.AddrPort{far.at}, Retry: quick})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	resolver := mapserver.NewResolver(near.Server, upstream.New(r))
	m, err := resolver.Resolve(impatient(t), mustEID("10.1.2.3"))
	if err != nil || m.Origin != mapserver.OriginUpstream || len(m.Locators) != 1 || m.Locators[0].Address.IP != rlocOld {
		t.Errorf("%+v, %v", m, err)
	}
	resolver.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
