package mappings

import (
	"context"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/lisp/lisptest"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "the source's key"

var quick = client.Retry{Attempts: 2, Timeout: 100 * time.Millisecond}

// hosts counts the addresses that tests took.
var hosts atomic.Uint32

// host is a loopback address of nobody else's: SMRs and Map-Notifies come to
// port 4342.
func host() netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(hosts.Add(1))})
}

// sites are a domain with viewers, and the source's own.
func sites(coreCast bool) []mapserver.Site {
	return []mapserver.Site{
		{Name: "domain1", EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, CoreCast: coreCast, ProxyReply: true,
			AcceptMoreSpecifics: true, RLOCs: []mapserver.RLOC{{Address: netip.MustParseAddr("192.0.2.21"), Priority: 1, Weight: 100}}},
		{Name: "source", EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.10/32")}, ProxyReply: true,
			Keys: []mapserver.Key{{ID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte(secret)}}},
	}
}

// server is a running Map-Server.
type server struct {
	*mapserver.Server
	at   netip.AddrPort
	stop func()
}

func startServer(t *testing.T, at netip.AddrPort, sites []mapserver.Site) *server {
	t.Helper()
	s, err := mapserver.New(time.Now(), sites, mapserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := udp.Listen(udp.Config{Addresses: []netip.AddrPort{at}, Workers: 1})
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Serve(ctx, s) }()
	running := &server{Server: s, at: e.Addresses()[0]}
	running.stop = func() {
		if cancel == nil {
			return
		}
		cancel()
		cancel = nil
		<-done
		_ = s.Close()
	}
	t.Cleanup(func() { running.stop() })
	return running
}

func (s *server) subscription() *Subscription {
	return &Subscription{MapServer: s.at, KeyID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte(secret),
		Prefix: netip.MustParsePrefix("10.0.0.10/32")}
}

// start runs a client.
func start(t *testing.T, config Config) *Client {
	t.Helper()
	if !config.Local.IsValid() {
		config.Local = host()
	}
	if config.Retry == (client.Retry{}) {
		config.Retry = quick
	}
	config.Say = func(m string) { t.Log(m) }
	c, err := New(config)
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// resolved waits until the mapping of an EID is as wanted.
func resolved(t *testing.T, c *Client, eid string, wanted func(Mapping) bool) (m Mapping) {
	t.Helper()
	sourcetest.Until(t, "the mapping of "+eid, func() (ok bool) {
		m, ok = c.Lookup(addr(eid))
		return ok && wanted(m)
	})
	return m
}

// scripted is a Map-Resolver that answers each Map-Request as a test says.
func scripted(t *testing.T, answers func(*lisptest.Request) [][]byte) netip.AddrPort {
	t.Helper()
	return lisptest.Resolver(t, host(), func(r *lisptest.Request) [][]byte {
		if !r.WantsCapability() {
			t.Error("it does not ask for capabilities")
		}
		return answers(r)
	})
}

func record(prefix string, rlocs ...string) lisp.Record {
	var all []netip.Addr
	for _, r := range rlocs {
		all = append(all, addr(r))
	}
	return client.Mapping(lisp.EID{Prefix: netip.MustParsePrefix(prefix)}, all...)
}
