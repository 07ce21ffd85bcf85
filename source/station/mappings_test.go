package station_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/station"
	"github.com/corecast/corecast/source/watch"
)

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
	sourcetest.Until(t, "all are served as they should", func() bool {
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
		sourcetest.Until(t, "the change", func() bool {
			d, _ := ask.status()
			return d.ToCoreCast-begin.ToCoreCast == 2*(i+1) && d.ToUnicast-begin.ToUnicast == 2*(i+1)
		})
		for _, v := range viewers {
			n, _, _ := v.lost()
			sourcetest.Until(t, "some more payloads", func() bool { now, _, _ := v.lost(); return now > n+20 })
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
	sourcetest.Until(t, "both are served as they should", func() bool { d, _ := ask.status(); return d.CoreCast == 1 && d.Unicast == 1 })
	stopServer()
	late := newViewer(t, 3, 1)
	join, err := ask.client.Post(url+"/v1/channels/news/viewers", "application/json",
		strings.NewReader(fmt.Sprintf(`{"port": %d}`, late.addr.Port())))
	if err != nil || join.StatusCode != http.StatusCreated {
		t.Fatal(join, err)
	}
	_ = join.Body.Close()
	sourcetest.Until(t, "a request without an answer", func() bool { _, m := ask.status(); return m.Unanswered > 0 })
	for _, v := range viewers {
		n, _, _ := v.lost()
		sourcetest.Until(t, "the stream goes on", func() bool { now, _, _ := v.lost(); return now > n+50 })
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
	sourcetest.Until(t, "50 packets", func() bool { return w.Stats().Packets >= 50 })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := w.Stats(); n.Strangers > 0 {
		t.Errorf("%+v", n)
	}
	unbroken(t, media.Bytes())
	if reports, err := stop(); err != nil || reports[0].Unicast < 50 || reports[0].Headers != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
}
