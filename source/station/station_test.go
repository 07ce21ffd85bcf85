package station_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/watch"
)

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
		sourcetest.Until(t, "renewals, and the clip's bitrate", func() bool {
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
	sourcetest.Until(t, "the second channel", func() bool { return network2.Count(viewer2) >= 100 })
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
