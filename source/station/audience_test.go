package station_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/source/mappings"
	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/station"
	"github.com/corecast/corecast/source/viewerapi"
)

// loopbacks counts the loopback addresses that tests took, beside the viewers'.
var loopbacks atomic.Uint32

func loopbackHost() netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(loopbacks.Add(1))})
}

// mapServer runs a Map-Server of these sites.
func mapServer(t *testing.T, sites []mapserver.Site) (*mapserver.Server, netip.AddrPort) {
	t.Helper()
	s, at, _ := stoppableServer(t, sites)
	return s, at
}

func stoppableServer(t *testing.T, sites []mapserver.Site) (s *mapserver.Server, at netip.AddrPort, stop func()) {
	t.Helper()
	s, err := mapserver.New(time.Now(), sites, mapserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := udp.Listen(udp.Config{Addresses: []netip.AddrPort{netip.AddrPortFrom(loopbackHost(), 0)}, Workers: 1})
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Serve(ctx, s) }()
	stop = sync.OnceFunc(func() { cancel(); <-done; _ = s.Close() })
	t.Cleanup(stop)
	return s, e.Addresses()[0], stop
}

// domains are sites of viewers at loopback addresses, and the source's own.
func domains(coreCast ...bool) []mapserver.Site {
	sites := []mapserver.Site{{Name: "source", EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.10/32")},
		Keys: []mapserver.Key{{ID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("secret")}}}}
	for i, is := range coreCast {
		sites = append(sites, mapserver.Site{
			Name: fmt.Sprint("domain", i), CoreCast: is, ProxyReply: true,
			EIDPrefixes: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 47, byte(i), 0}), 24)},
			RLOCs:       []mapserver.RLOC{{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(21 + i)}), Priority: 1, Weight: 100}},
		})
	}
	return sites
}

// viewer is a socket that counts the payloads it gets.
type viewer struct {
	addr netip.AddrPort
	mu   sync.Mutex // guards got
	got  map[int]int
}

func newViewer(t *testing.T, domain, n int) *viewer {
	t.Helper()
	v := &viewer{got: map[int]int{}}
	v.addr = sourcetest.Receive(t, netip.AddrFrom4([4]byte{127, 47, byte(domain), byte(n)}), func(datagram []byte) {
		var i int
		if _, err := fmt.Sscanf(string(datagram), "payload %d", &i); err == nil {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.got[i]++
		}
	})
	return v
}

// lost returns how many payloads the viewer did not get between the first and the
// last that it got, and how many it got again.
func (v *viewer) lost() (n, lost, again int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	first, last := 1<<30, -1
	for i, times := range v.got {
		first, last = min(first, i), max(last, i)
		again += times - 1
	}
	return len(v.got), last - first + 1 - len(v.got), again
}

// numberedFile is media in payloads of size bytes that say which they are.
func numberedFile(t *testing.T, payloads, size int) string {
	t.Helper()
	var b strings.Builder
	for i := range payloads {
		fmt.Fprintf(&b, "%-*s", size, fmt.Sprintf("payload %d", i))
	}
	file := filepath.Join(t.TempDir(), "media")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// asker asks a station for its status.
type asker struct {
	t      *testing.T
	url    string
	client *http.Client
}

func newAsker(t *testing.T, url string) *asker {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return &asker{t, url, client}
}

// status is what the viewer API says of channel news, and of mappings.
func (a *asker) status() (delivery viewerapi.Delivery, known mappings.Stats) {
	a.t.Helper()
	reply, err := a.client.Get(a.url + "/v1/status")
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	var v struct {
		Delivery map[string]viewerapi.Delivery
		Mappings mappings.Stats
	}
	if err := json.NewDecoder(reply.Body).Decode(&v); err != nil {
		a.t.Fatal(err)
	}
	return v.Delivery["news"], v.Mappings
}

// streaming is a channel to viewers whose mappings a Map-Server has.
func streaming(t *testing.T, at netip.AddrPort, reserved string, subscribe bool, viewers []*viewer) *station.Config {
	cfg := loopback(t, numberedFile(t, 30_000, 100), reserved)
	ch := &cfg.Channels[0]
	ch.Opaque, ch.Bitrate, ch.Payload = true, 80_000, 100 // 100 payloads a second, for five minutes
	for _, v := range viewers {
		ch.Viewers = append(ch.Viewers, v.addr)
	}
	cfg.Mappings = station.Mappings{Resolvers: []string{at.String()}, Address: loopbackHost()}
	if subscribe {
		cfg.Mappings.Subscribe = &station.Subscribe{EIDPrefix: netip.MustParsePrefix("10.0.0.10/32"), KeyID: 1,
			Secret: station.Secret{Value: "secret"}}
	}
	return cfg
}
