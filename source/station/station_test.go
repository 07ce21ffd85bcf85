package station_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/station"
	"github.com/corecast/corecast/source/watch"
	"github.com/corecast/corecast/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// until waits for something.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// messages collects what a station says.
type messages struct {
	mu  sync.Mutex
	all []string
}

func (m *messages) add(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, s)
}

func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.all, "\n")
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

// loopback is the configuration of a source of one channel on the loopback
// interface.
func loopback(t *testing.T, input, reserved string) *station.Config {
	t.Helper()
	return &station.Config{
		Listen: "127.0.0.1:0", Proof: "127.0.0.1:0",
		Channels: []station.Channel{{
			Name: "news", Input: input, UDPPort: freePort(t),
			SourceEID: netip.MustParseAddr("127.0.0.1"), ReservedEID: netip.MustParseAddr(reserved),
		}},
	}
}

// run runs a station until the test ends, or until stop.
func run(t *testing.T, cfg *station.Config) (url string, said *messages, stop func() ([]station.Report, error)) {
	return runOn(t, nil, cfg)
}

// runOn is run with a store that others use too.
func runOn(t *testing.T, shared store.Store, cfg *station.Config) (url string, said *messages, stop func() ([]station.Report, error)) {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	said = new(messages)
	var s *station.Station
	var err error
	if shared != nil {
		s, err = station.NewOn(t.Context(), shared, cfg, said.add)
	} else {
		s, err = station.New(t.Context(), cfg, said.add)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var reports []station.Report
	done := make(chan struct{})
	go func() { defer close(done); reports, err = s.Run(ctx) }()
	stop = func() ([]station.Report, error) { cancel(); <-done; return reports, err }
	t.Cleanup(func() {
		_, _ = stop()
		if t.Failed() {
			t.Log(said)
		}
	})
	return "http://" + s.APIAddr().String(), said, stop
}

func clipFile(t *testing.T) string {
	t.Helper()
	media, err := io.ReadAll(clip.Open())
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "clip.ts")
	if err := os.WriteFile(name, media, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// unbroken fails the test unless media is a piece of the clip played in a loop:
// nothing is missing and nothing is changed.
func unbroken(t *testing.T, media []byte) {
	t.Helper()
	once, err := io.ReadAll(clip.Open())
	if err != nil {
		t.Fatal(err)
	}
	looped := bytes.Repeat(once, len(media)/len(once)+2)
	if len(media) == 0 || !bytes.Contains(looped, media) {
		t.Errorf("%d bytes of media are not a piece of the clip", len(media))
	}
}

// settles waits until a number has been the same for a while, and returns it.
func settles(t *testing.T, what string, number func() int) int {
	t.Helper()
	const while = 200 * time.Millisecond // several packets of the clip
	last, since := number(), time.Now()
	until(t, what+" to settle", func() bool {
		if n := number(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > while
	})
	return last
}

// A viewer joins, proves its address, receives the media as it is, and leaves:
// then it is sent nothing more.
func TestWatch(t *testing.T) {
	t.Parallel()
	net := sourcetest.NewNetwork(t, "127.44.0.1")
	cfg := loopback(t, clipFile(t), "127.44.0.1")
	cfg.Channels[0].Loop = true
	cfg.Limits.TTL = time.Second // so that it is renewed
	url, _, stop := run(t, cfg)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for name, eid := range map[string]netip.Addr{"its own address": {}, "another": netip.MustParseAddr("127.0.0.3")} {
		var media bytes.Buffer
		w, err := watch.New(watch.Options{URL: url + "/news", Listen: "0.0.0.0:0", EID: eid, Output: &media, AnySource: true, Client: client,
			OnEvent: func(m string) { t.Log(m) }})
		if eid.IsValid() {
			w, err = watch.New(watch.Options{URL: url + "/news", Listen: eid.String() + ":0", EID: eid, Output: &media, AnySource: true, Client: client})
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		until(t, "renewals, and the clip's bitrate", func() bool {
			s := w.Stats()
			return s.Packets >= 20 && s.Renewals >= 2 && s.Bitrate > 300_000 && s.Bitrate < 700_000
		})
		cancel()
		err = <-ended
		if stats := w.Stats(); err != nil || stats.Strangers != 0 || stats.Bytes != uint64(media.Len()) {
			t.Fatalf("%s: %+v, %v", name, stats, err)
		}
		unbroken(t, media.Bytes())
		if !eid.IsValid() {
			eid = netip.MustParseAddr("127.0.0.1")
		}
		viewer := netip.AddrPortFrom(eid, uint16(netip.MustParseAddrPort(w.Addr().String()).Port()))
		if n := settles(t, name+": packets after it left", func() int { return net.Count(viewer) }); n == 0 {
			t.Errorf("%s: no packet went to %s", name, viewer)
		}
	}
	reports, err := stop()
	if err != nil || len(reports) != 1 || reports[0].End != "stopped" || reports[0].Unsent != 0 || reports[0].Entries == 0 {
		t.Errorf("%+v, %v", reports, err)
	}
}

// Joining fails in words: no such channel, nobody there, an address that is
// not the viewer's.
func TestWatchRefused(t *testing.T) {
	t.Parallel()
	sourcetest.NewNetwork(t, "127.44.0.2")
	cfg := loopback(t, clipFile(t), "127.44.0.2")
	cfg.Channels[0].Loop = true
	url, _, _ := run(t, cfg)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for name, c := range map[string]struct {
		url  string
		eid  string
		says string
	}{
		"no channel": {url + "/sports", "", "no such channel"},
		"nobody":     {"http://127.0.0.1:1/news", "", "connection refused"},
		"not ours":   {url + "/news", "127.0.0.99", "did not prove itself"},
	} {
		opts := watch.Options{URL: c.url, Listen: "127.0.0.1:0", Output: io.Discard, Client: client}
		if c.eid != "" {
			opts.EID = netip.MustParseAddr(c.eid)
		}
		w, err := watch.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "news", "ftp://x/news", "http://x", "http://x/a/b"} {
		if _, err := watch.New(watch.Options{URL: bad, Listen: "127.0.0.1:0"}); !errors.Is(err, watch.ErrURL) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Several channels of one process: each viewer receives its own, and one that
// ends does not disturb the other.
func TestChannels(t *testing.T) {
	network1, network2 := sourcetest.NewNetwork(t, "127.44.0.3"), sourcetest.NewNetwork(t, "127.44.0.4")
	short := filepath.Join(t.TempDir(), "short.ts")
	if err := os.WriteFile(short, bytes.Repeat([]byte("media"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	viewer1, viewer2 := netip.MustParseAddrPort("127.0.0.1:40001"), netip.MustParseAddrPort("127.0.0.1:40002")
	cfg := loopback(t, short, "127.44.0.3")
	cfg.Channels[0].Opaque, cfg.Channels[0].Bitrate, cfg.Channels[0].Viewers = true, 4_000_000, []netip.AddrPort{viewer1}
	second := cfg.Channels[0]
	second.Name, second.ReservedEID, second.UDPPort = "sports", netip.MustParseAddr("127.44.0.4"), freePort(t)
	second.Loop, second.Viewers = true, []netip.AddrPort{viewer2}
	cfg.Channels = append(cfg.Channels, second)
	_, _, stop := run(t, cfg)
	until(t, "the second channel", func() bool { return network2.Count(viewer2) >= 100 })
	reports, err := stop()
	if err != nil || len(reports) != 2 || reports[0].End != "end of media" || reports[1].End != "stopped" {
		t.Fatalf("%+v, %v", reports, err)
	}
	if n := network1.Count(viewer1); uint64(n) != reports[0].Payloads || network1.Count(viewer2) != 0 || network2.Count(viewer2) < 100 {
		t.Errorf("%d packets of %d to the first viewer, %d to the second", n, reports[0].Payloads, network2.Count(viewer2))
	}
	if b, err := json.Marshal(reports[0]); err != nil || !strings.Contains(string(b), `"channel":"news"`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestLoad(t *testing.T) {
	t.Setenv("OPERATOR", "boss")
	good := `
listen: 127.0.0.1:8081
proof: 127.0.0.1:4345
operator_token: { env: OPERATOR }
limits: { ttl: 60s, per_address: 8 }
sites:
  - { eid_prefixes: [10.1.0.0/16], rloc: 192.0.2.1 }
channels:
  - name: news
    input: srt://:9000?mode=listener
    source_eid: 127.0.0.1
    reserved_eid: 127.44.0.9
    list: 16
    viewers: ["10.1.0.11:5004"]
`
	file := filepath.Join(t.TempDir(), "source.yaml")
	load := func(text string) (*station.Config, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return station.Load(file)
	}
	cfg, err := load(good)
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Channels[0]; c.List != 16 || c.UDPPort != station.DefaultUDPPort || !*c.Reconnect || cfg.Limits.TTL != time.Minute ||
		c.Viewers[0] != netip.MustParseAddrPort("10.1.0.11:5004") {
		t.Errorf("%+v", cfg)
	}
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good file", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct{ text, says string }{
		{"", "none"},
		{"channels: []", "none"},
		{"{", ""},
		{replace("list: 16", "lists: 16"), ":13: "},
		{replace("list: 16", "list: many"), ":13: "},
		{replace("list: 16", "list: 33"), ":13: channels[0].list: 33"},
		{replace("name: news", "title: news"), "channels[0].name"},
		{replace("input: srt://:9000?mode=listener", "loop: false"), "channels[0].input"},
		{replace("reserved_eid: 127.44.0.9", "mtu: 0"), "channels[0].reserved_eid"},
		{replace("reserved_eid: 127.44.0.9", "reserved_eid: 2001:db8::1"), "family"},
		{replace("reserved_eid: 127.44.0.9", "reserved_eid: nowhere"), ":12: "},
		{replace("source_eid: 127.0.0.1", "itr: 192.0.2.77"), "192.0.2.77"},
		{replace("10.1.0.11:5004", "10.1.0.11:0"), "viewers[0]"},
		{replace("env: OPERATOR", "env: NOBODY"), "NOBODY is empty"},
		{replace("192.0.2.1 }", "192.0.2.1, rlocc: x }"), ":7: "},
		{replace("proof:", "trusted_proxies: [x]\nproof:"), "trusted_proxies[0]"},
		{replace("proof:", "auth: { jwks: a, hook: http://x }\nproof:"), "keep one"},
		{replace("proof:", "auth: { hook: x }\nproof:"), "want an http://"},
		{replace("proof:", "tls: { cert: x }\nproof:"), "want both"},
	} {
		_, err := load(c.text)
		var wrong *station.Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("want %q: %v", c.says, err)
		}
	}
	if _, err := station.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a file that is not there")
	}
}

// The example is a configuration.
func TestExample(t *testing.T) {
	cfg, err := station.Load("../../examples/source.yaml")
	if err != nil || len(cfg.Channels) != 2 || len(cfg.Sites) != 2 {
		t.Errorf("%+v, %v", cfg, err)
	}
}

// Mistakes that only opening finds.
func TestNotOpened(t *testing.T) {
	for name, edit := range map[string]func(*station.Config){
		"no such file":           func(c *station.Config) { c.Channels[0].Input = "/nonexistent.ts" },
		"not an address of ours": func(c *station.Config) { c.Channels[0].SourceEID = netip.MustParseAddr("192.0.2.1") },
		"a taken port":           func(c *station.Config) { c.Listen = "127.0.0.1:1:1" },
		"no certificate":         func(c *station.Config) { c.TLS = station.TLS{Cert: "/nonexistent", Key: "/nonexistent"} },
		"proof":                  func(c *station.Config) { c.Proof = "192.0.2.1:1" },
		"a name":                 func(c *station.Config) { c.Channels[0].Name = "a/b" },
	} {
		cfg := loopback(t, clipFile(t), "127.44.0.5")
		edit(cfg)
		if err := cfg.Complete(); err != nil {
			t.Fatal(name, err)
		}
		if s, err := station.New(t.Context(), cfg, func(string) {}); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		} else {
			t.Log(fmt.Sprint(name, ": ", err))
		}
	}
}
