package station_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
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
	"github.com/corecast/corecast/source/ts"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/source/watch"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
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
	conn *net.UDPConn
	mu   sync.Mutex // guards got
	got  map[int]int
}

func newViewer(t *testing.T, domain, n int) *viewer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 47, byte(domain), byte(n))})
	if err != nil {
		t.Skip(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	v := &viewer{conn: conn, got: map[int]int{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2000)
		for {
			size, err := conn.Read(buf)
			if err != nil {
				return
			}
			var i int
			if _, err := fmt.Sscanf(string(buf[:size]), "payload %d", &i); err == nil {
				v.mu.Lock()
				v.got[i]++
				v.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return v
}

func (v *viewer) addr() netip.AddrPort { return v.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

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

// eventually waits for what must become true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
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
		ch.Viewers = append(ch.Viewers, v.addr())
	}
	cfg.Mappings = station.Mappings{Resolvers: []string{at.String()}, Address: loopbackHost()}
	if subscribe {
		cfg.Mappings.Subscribe = &station.Subscribe{EIDPrefix: netip.MustParsePrefix("10.0.0.10/32"), KeyID: 1,
			Secret: station.Secret{Value: "secret"}}
	}
	return cfg
}

// One channel goes to a site by CoreCast and to another by unicast, and the sites
// change from one to the other and back while it runs: nobody loses more than a
// payload with each change, and nobody gets one twice.
func TestSitesChange(t *testing.T) {
	t.Parallel()
	server, at := mapServer(t, domains(true, false))
	sourcetest.NewNetwork(t, "127.47.255.1")
	viewers := []*viewer{newViewer(t, 0, 1), newViewer(t, 0, 2), newViewer(t, 1, 1), newViewer(t, 1, 2),
		newViewer(t, 2, 1)} // the last one is of no site
	url, _, stop := run(t, streaming(t, at, "127.47.255.1", true, viewers))
	ask := newAsker(t, url)
	eventually(t, "all are served as they should", func() bool {
		d, m := ask.status()
		return d.CoreCast == 2 && d.Unicast == 3 && m.Subscribed >= 2
	})
	const changes = 6
	begin, _ := ask.status()
	for i := range uint64(changes) {
		first := i%2 == 1
		if err := server.SetSites(domains(first, !first)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the change", func() bool {
			d, _ := ask.status()
			return d.ToCoreCast-begin.ToCoreCast == 2*(i+1) && d.ToUnicast-begin.ToUnicast == 2*(i+1)
		})
		for _, v := range viewers {
			n, _, _ := v.lost()
			eventually(t, "some more payloads", func() bool { now, _, _ := v.lost(); return now > n+20 })
		}
	}
	reports, err := stop()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range viewers {
		n, lost, again := v.lost()
		if lost > changes || again > 0 {
			t.Errorf("viewer %d got %d payloads, %d are missing, %d came again: want at most one missing with a change", i, n, lost, again)
		}
	}
	if r := reports[0]; r.Delivery.CoreCast != 2 || r.Delivery.Unicast != 3 || r.Unsent != 0 || r.Unicast == 0 || r.Entries <= r.Unicast {
		t.Errorf("%+v", r)
	}
}

// While no Map-Server answers the stream goes on with what was known; who joins
// then is served as if nothing were known.
func TestMapServerGone(t *testing.T) {
	t.Parallel()
	_, at, stopServer := stoppableServer(t, domains(true, false))
	sourcetest.NewNetwork(t, "127.47.255.2")
	viewers := []*viewer{newViewer(t, 0, 3), newViewer(t, 1, 3)}
	cfg := streaming(t, at, "127.47.255.2", false, viewers)
	url, said, _ := run(t, cfg)
	ask := newAsker(t, url)
	eventually(t, "both are served as they should", func() bool { d, _ := ask.status(); return d.CoreCast == 1 && d.Unicast == 1 })
	stopServer()
	late := newViewer(t, 3, 1)
	join, err := ask.client.Post(url+"/v1/channels/news/viewers", "application/json",
		strings.NewReader(fmt.Sprintf(`{"port": %d}`, late.addr().Port())))
	if err != nil || join.StatusCode != http.StatusCreated {
		t.Fatal(join, err)
	}
	_ = join.Body.Close()
	eventually(t, "a request without an answer", func() bool { _, m := ask.status(); return m.Unanswered > 0 })
	for _, v := range viewers {
		n, _, _ := v.lost()
		eventually(t, "the stream goes on", func() bool { now, _, _ := v.lost(); return now > n+50 })
		if _, lost, again := v.lost(); lost > 1 || again > 0 {
			t.Errorf("%d payloads are missing, %d came again", lost, again)
		}
	}
	if d, _ := ask.status(); d.CoreCast != 1 || d.Unicast != 1 || d.Unresolved != 1 {
		t.Errorf("%+v", d)
	}
	if !strings.Contains(said.String(), "no answer: is a Map-Resolver there") {
		t.Errorf("it does not say so: %s", said)
	}
}

// The client's word counts more than what the mapping says.
func TestWord(t *testing.T) {
	_, at := mapServer(t, domains(true, false))
	sourcetest.NewNetwork(t, "127.47.255.3")
	cfg := streaming(t, at, "127.47.255.3", false, nil)
	cfg.Sites = []station.Site{{EIDPrefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, RLOC: netip.MustParseAddr("192.0.2.1")}}
	url, _, _ := run(t, cfg)
	ask := newAsker(t, url)
	for i, word := range []string{"auto", "true", "false"} {
		join, err := ask.client.Post(url+"/v1/channels/news/viewers", "application/json",
			strings.NewReader(fmt.Sprintf(`{"port": %d, "corecast": %q}`, 40_000+i, word)))
		if err != nil || join.StatusCode != http.StatusCreated {
			t.Fatal(join, err)
		}
		_ = join.Body.Close()
	}
	if d, _ := ask.status(); d.CoreCast != 2 || d.Unicast != 1 {
		t.Errorf("%+v", d)
	}
}

// border is a site's router to the source: it takes what comes to its RLOC,
// expands headers as a CoreCast ETR does, and delivers the rest as any xTR.
type border struct {
	conn   *net.UDPConn
	copies atomic.Int64
	plain  atomic.Int64
}

func newBorder(t *testing.T, rloc netip.Addr) *border {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(rloc, lisp.DataPort)))
	if err != nil {
		t.Skip(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	b := &border{conn: conn}
	done := make(chan struct{})
	go func() { defer close(done); b.forward() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return b
}

func (b *border) forward() {
	buf := make([]byte, 2000)
	var held wire.Payload
	for {
		n, err := b.conn.Read(buf)
		if err != nil {
			return
		}
		var lispHeader lisp.DataHeader
		var inner inet.Datagram
		var p wire.Payload
		var h wire.Header4
		packet, err := lispHeader.Decode(buf[:n])
		switch {
		case err != nil || inner.Decode(packet) != nil:
		case inner.Dst.Port() != wire.Port:
			b.plain.Add(1)
			_, _ = b.conn.WriteToUDPAddrPort(inner.Payload, inner.Dst)
		case p.Decode(inner.Payload) == nil:
			b.copies.Add(1)
			held = wire.Payload{ID: p.ID, Media: bytes.Clone(p.Media)}
		case h.Decode(inner.Payload) == nil && h.ID == held.ID:
			for v := range h.Viewers() {
				_, _ = b.conn.WriteToUDPAddrPort(held.Media, v)
			}
		}
	}
}

// A source that does the ITR's work serves sites with and without a CoreCast
// ETR by their RLOCs, and follows them when that changes.
func TestSelfITR(t *testing.T) {
	t.Parallel()
	sites := domains(true, false)
	borders := []*border{}
	for i := range 2 {
		sites[i+1].RLOCs[0].Address = loopbackHost()
		sites[i+1].EIDPrefixes[0] = netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 47, byte(10 + i), 0}), 24)
		borders = append(borders, newBorder(t, sites[i+1].RLOCs[0].Address))
	}
	server, at := mapServer(t, sites)
	viewers := []*viewer{newViewer(t, 10, 1), newViewer(t, 10, 2), newViewer(t, 11, 1), newViewer(t, 12, 1)}
	cfg := streaming(t, at, "127.47.255.4", true, viewers)
	cfg.Channels[0].ITR, cfg.Channels[0].SourceEID = station.SelfITR, loopbackHost()
	url, _, stop := run(t, cfg)
	ask := newAsker(t, url)
	eventually(t, "all are served as they should", func() bool {
		d, m := ask.status()
		return d.CoreCast == 2 && d.Unicast == 2 && m.Subscribed >= 2
	})
	begin, _ := ask.status()
	for i := range uint64(2) {
		for n := range 2 {
			sites[n+1].CoreCast = !sites[n+1].CoreCast
		}
		if err := server.SetSites(sites); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the change", func() bool {
			d, _ := ask.status()
			return d.ToCoreCast+d.ToUnicast-begin.ToCoreCast-begin.ToUnicast == 3*(i+1)
		})
		for _, v := range viewers {
			n, _, _ := v.lost()
			eventually(t, "some more payloads", func() bool { now, _, _ := v.lost(); return now > n+20 })
		}
	}
	reports, err := stop()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range viewers {
		if n, lost, again := v.lost(); n < 40 || lost > 2 || again > 0 {
			t.Errorf("viewer %d got %d payloads, %d are missing, %d came again", i, n, lost, again)
		}
	}
	r := reports[0]
	if copies := borders[0].copies.Load() + borders[1].copies.Load(); r.ITR == nil || r.ITR.Copies != uint64(copies) || copies < 40 {
		t.Errorf("%+v, and %d copies came", r.ITR, copies)
	}
	if borders[0].plain.Load() == 0 || borders[1].plain.Load() == 0 {
		t.Error("nothing came by unicast")
	}
}

// Who says that its domain has no CoreCast ETR watches without any: the media
// comes straight from the source, as it is.
func TestWatchUnicast(t *testing.T) {
	cfg := loopback(t, clipFile(t), "127.47.255.5") // where nobody is
	cfg.Channels[0].Loop = true
	url, _, stop := run(t, cfg)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var media bytes.Buffer
	w, err := watch.New(watch.Options{URL: url + "/news", Listen: "127.0.0.1:0", Output: &media, Client: client, CoreCast: "false"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	eventually(t, "50 packets", func() bool { return w.Stats().Packets >= 50 })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := w.Stats(); n.Lost > 1 || n.Strangers > 0 { // one where the clip begins anew
		t.Errorf("%+v", n)
	}
	if _, err := ts.Check(media.Bytes()); err != nil {
		t.Error(err)
	}
	if reports, err := stop(); err != nil || reports[0].Unicast < 50 || reports[0].Headers != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
}
