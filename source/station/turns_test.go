package station_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/watch"
	"github.com/corecast/corecast/store"
)

// ask makes a request of a viewer API, following where it leads, and returns the
// status and the answer.
func ask(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = reply.Body.Close() }()
	var v map[string]any
	_ = json.NewDecoder(reply.Body).Decode(&v)
	return reply.StatusCode, v
}

// join joins as a viewer on a port of the loopback interface.
func join(t *testing.T, url string) (v netip.AddrPort, id string) {
	t.Helper()
	v = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t))
	sourcetest.Until(t, "a join", func() bool {
		status, lease := ask(t, "POST", url+"/v1/channels/news/viewers", fmt.Sprintf(`{"port": %d}`, v.Port()))
		id, _ = lease["id"].(string)
		return status == http.StatusCreated
	})
	return v, id
}

func renewed(t *testing.T, url, id string) bool {
	status, _ := ask(t, "PUT", url+"/v1/channels/news/viewers/"+id, "")
	return status == http.StatusOK
}

// A source that is started again goes on: viewers receive without a word, their
// leases are theirs, and sequence numbers are new.
func TestRestart(t *testing.T) {
	net := sourcetest.NewNetwork(t, "127.44.0.11")
	cfg := looped(t, "127.44.0.11")
	cfg.Store = "file:" + t.TempDir() + "/source.db"
	url, _, stop := run(t, cfg)
	viewer, id := join(t, url)
	left, gone := join(t, url)
	sourcetest.Until(t, "media", func() bool { return net.Count(viewer) > 2 && net.Count(left) > 2 })
	if status, _ := ask(t, "DELETE", url+"/v1/channels/news/viewers/"+gone, ""); status != http.StatusNoContent {
		t.Fatalf("leave: %d", status)
	}
	if _, err := stop(); err != nil {
		t.Fatal(err)
	}
	before, beforeLeft := net.Count(viewer), net.Count(left)

	url, said, _ := run(t, cfg)
	sourcetest.Until(t, "media again", func() bool { return net.Count(viewer) > before+2 })
	sourcetest.Until(t, "the lease to be renewed", func() bool { return renewed(t, url, id) })
	if renewed(t, url, gone) {
		t.Error("a lease that was given back can be renewed")
	}
	if n := net.Count(left); n > beforeLeft {
		t.Errorf("who had left was sent %d packets", n-beforeLeft)
	}
	if !strings.Contains(said.String(), "going on with 1 viewers") {
		t.Error(said)
	}
	net.CheckNoneTwice(t)
}

// cutOff is a store that does not answer, as for a source that lost its network.
type cutOff struct {
	store.Store
	is atomic.Bool
}

func (c *cutOff) Renew(ctx context.Context, id store.LeaseID) error {
	if c.is.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.Store.Renew(ctx, id)
}

func (c *cutOff) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if c.is.Load() {
		return 0, io.ErrNoProgress
	}
	return c.Store.Commit(ctx, txn)
}

// A standby takes over when the source that sends is gone, however it went: with
// its viewers, and with sequence numbers of its own.
func TestStandby(t *testing.T) {
	for name, graceful := range map[string]bool{"it ended": true, "it was cut off": false} {
		t.Run(name, func(t *testing.T) {
			net := sourcetest.NewNetwork(t, "127.44.0.12")
			shared := store.NewMemory()
			defer func() { _ = shared.Close() }()
			first := &cutOff{Store: shared}
			cfg := looped(t, "127.44.0.12")
			cfg.Takeover = time.Second
			url1, _, stop1 := runOn(t, first, cfg)
			sourcetest.Until(t, "the first one", func() bool { return len(net.Sent()) > 2 })
			other := *cfg
			url2, said2, _ := runOn(t, shared, &other)
			sourcetest.Until(t, "the standby", func() bool { return strings.Contains(said2.String(), "standing by") })

			viewer, id := join(t, url2) // the standby leads to the first
			sourcetest.Until(t, "media", func() bool { return net.Count(viewer) > 2 })
			sourcetest.Until(t, "the lease to be kept", func() bool { return stored(t, shared) == 1 })
			if !graceful {
				first.is.Store(true)
			} else if _, err := stop1(); err != nil {
				t.Fatal(err)
			}
			sourcetest.Until(t, "the standby to send", func() bool { return strings.Contains(said2.String(), "going on with 1 viewers") })
			before := net.Count(viewer)
			sourcetest.Until(t, "media again", func() bool { return net.Count(viewer) > before+2 })
			sourcetest.Until(t, "the lease to be renewed", func() bool { return renewed(t, url2, id) })
			if !graceful {
				first.is.Store(false)
				sourcetest.Until(t, "the first one to stand by", func() bool { return renewed(t, url1, id) })
			}
			net.CheckNoneTwice(t)
		})
	}
}

// stored is how many leases are in a store.
func stored(t *testing.T, s store.Store) int {
	t.Helper()
	page, err := s.List(t.Context(), "source/channels/news/viewers/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Entries)
}

// A viewer that knows both sources goes on when one takes the other's place.
func TestWatchBoth(t *testing.T) {
	net := sourcetest.NewNetwork(t, "127.44.0.13")
	shared := store.NewMemory()
	defer func() { _ = shared.Close() }()
	cfg := looped(t, "127.44.0.13")
	cfg.Takeover, cfg.Limits.TTL = time.Second, 2*time.Second
	url1, _, stop1 := runOn(t, shared, cfg)
	sourcetest.Until(t, "the first one", func() bool { return len(net.Sent()) > 2 })
	other := *cfg
	url2, said2, _ := runOn(t, shared, &other)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var media bytes.Buffer
	w, err := watch.New(watch.Options{URL: url1 + "/news", Others: []string{url2 + "/news"}, Listen: "127.0.0.1:0",
		Output: &media, AnySource: true, Client: client, OnEvent: func(m string) { t.Log(m) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	sourcetest.Until(t, "media", func() bool { return w.Stats().Packets > 2 && w.Stats().Renewals > 0 })
	if _, err := stop1(); err != nil {
		t.Fatal(err)
	}
	sourcetest.Until(t, "the standby to send", func() bool { return strings.Contains(said2.String(), "going on with") })
	packets, renewals := w.Stats().Packets, w.Stats().Renewals
	sourcetest.Until(t, "renewals by the standby", func() bool { return w.Stats().Packets > packets+2 && w.Stats().Renewals > renewals+1 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
