package udp_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long anything may take that should be done at once.
const patience = 10 * time.Second

var quick = client.Retry{Attempts: 5, Timeout: 200 * time.Millisecond}

func mustEID(s string) lisp.EID {
	e, err := lisp.ParseEID(s)
	if err != nil {
		panic(err)
	}
	return e
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// family is an address family to run a test over.
type family struct {
	name   string
	listen string // where the Map-Server listens
	reach  string // where it is reached
}

var families = []family{
	{"IPv4", "127.0.0.1:0", "127.0.0.1"},
	{"IPv6", "[::1]:0", "::1"},
	{"IPv4 wildcard", "0.0.0.0:0", "127.0.0.1"},
	{"IPv6 wildcard", "[::]:0", "::1"},
}

// peers counts the addresses that xTRs of this process have used.
var peers atomic.Uint32

// xtrAddr is an address for an xTR with port 4342 to itself: of the many
// loopback addresses that IPv4 has. IPv6 has one.
func xtrAddr(t testing.TB, server netip.Addr) netip.AddrPort {
	t.Helper()
	if server.Is6() {
		return netip.AddrPortFrom(netip.IPv6Loopback(), lisp.ControlPort)
	}
	n := peers.Add(1)
	pid := os.Getpid()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(n)}), lisp.ControlPort)
}

// running is a Map-Server with its sockets.
type running struct {
	*mapserver.Server
	at       netip.AddrPort // where it is reached
	endpoint *udp.Endpoint
	stop     func()
}

// start runs a Map-Server until the test ends.
func start(t testing.TB, f family, sites []mapserver.Site, o mapserver.Options) *running {
	t.Helper()
	endpoint, err := udp.Listen(udp.Config{Addresses: []netip.AddrPort{netip.MustParseAddrPort(f.listen)}, Workers: 2})
	if err != nil {
		t.Skip(err)
	}
	server, err := mapserver.New(time.Now(), sites, o)
	if err != nil {
		endpoint.Close()
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		endpoint.Serve(ctx, server)
	}()
	r := &running{Server: server, endpoint: endpoint, at: netip.AddrPortFrom(mustAddr(f.reach), endpoint.Addresses()[0].Port())}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		<-done
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// secret is the sites' shared one.
const secret = "loopback"

// studio and viewers are two sites: one that the server answers for, and one
// whose ETRs answer themselves.
func studio() mapserver.Site {
	return mapserver.Site{
		Name: "studio", EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")},
		AcceptMoreSpecifics: true, ProxyReply: true, Keys: []mapserver.Key{{ID: 1, Secret: []byte(secret)}},
	}
}

func viewers() mapserver.Site {
	return mapserver.Site{
		Name: "viewers", InstanceID: 7, EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")},
		AcceptMoreSpecifics: true, Keys: []mapserver.Key{{ID: 1, Secret: []byte(secret)}},
	}
}

// newXTR starts an xTR at a Map-Server; change completes its configuration.
func newXTR(t testing.TB, server netip.AddrPort, change func(*client.XTRConfig)) *client.XTR {
	t.Helper()
	c := client.XTRConfig{
		RLOC: xtrAddr(t, server.Addr()), MapServer: server,
		KeyID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte(secret), ProxyReply: true, Retry: quick,
	}
	c.XTR = &lisp.XTR{ID: [16]byte([]byte(fmt.Sprintf("%16s", c.RLOC.Addr())[:16])), Site: [8]byte{1}}
	if change != nil {
		change(&c)
	}
	x, err := client.NewXTR(c)
	if err != nil && (c.RLOC.Addr().Is6() || runtime.GOOS != "linux") {
		t.Skip(err) // one loopback address has one port 4342, and another program may have it
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return x
}

func impatient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func mustRegister(t testing.TB, x *client.XTR, records ...lisp.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := x.Register(ctx, records...); err != nil {
		t.Fatal(err)
	}
}

// lig asks like an ITR that is not the xTR.
func lig(t testing.TB, server netip.AddrPort, eid lisp.EID) client.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, _, err := client.Lig(ctx, client.ResolverConfig{Servers: []netip.AddrPort{server}, Retry: quick}, eid)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mappingOf is what an EID is answered with.
func mappingOf(t testing.TB, server netip.AddrPort, eid string) lisp.Record {
	t.Helper()
	a := lig(t, server, mustEID(eid))
	r, ok := a.Find(mustEID(eid))
	if !ok {
		t.Fatalf("no record for %s in %+v", eid, a)
	}
	return r
}

// leadsTo says that a mapping has one RLOC, this one.
func leadsTo(rloc netip.Addr) func(lisp.Record) bool {
	return func(r lisp.Record) bool { return len(r.Locators) == 1 && r.Locators[0].Address.IP == rloc }
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
