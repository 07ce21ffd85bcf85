package viewerapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/keep"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/source/viewerapi/auth"
	"github.com/corecast/corecast/store"
)

// tokens grants everybody an hour under a name of their own, as tokens do.
type tokens struct{ until time.Time }

func (g tokens) Authorize(_ context.Context, r *auth.Request) (auth.Grant, error) {
	return auth.Grant{Subject: "user-" + r.Client.String(), Until: g.until}, nil
}

// crowd is how many viewers the test has: CORECAST_CROWD, or 10,000.
func crowd(t *testing.T) (n int, measured bool) {
	text := os.Getenv("CORECAST_CROWD")
	if text == "" {
		return 10_000, false
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		t.Fatalf("CORECAST_CROWD=%s: want 1000 or more viewers", text)
	}
	return n, true
}

// kept makes a server keep its leases in a file, until the function that it
// returns is called.
func kept(t *testing.T, a *api, s store.Store) (w *keep.Writer, stop func()) {
	t.Helper()
	f := keep.NewFollower(s, "news")
	if err := f.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	leases := f.Leases(time.Now())
	w, key, err := keep.Begin(t.Context(), f, keep.Options{TTL: viewerapi.DefaultTTL,
		Look:    func(id dstlist.ID) (keep.Lease, bool) { return a.server.Lease("news", id) },
		OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	if refused, err := a.server.Begin("news", key, leases, w); err != nil || refused != 0 {
		t.Fatal(refused, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	return w, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// connections make requests at once, one after the other on each.
const connections = 200

// everybody calls do for each of n viewers, over kept-alive connections.
func everybody(t *testing.T, a *api, n int, do func(client *keptAlive, i int)) {
	var under sync.WaitGroup
	for c := range connections {
		under.Go(func() {
			client := dial(t, a.url)
			if client == nil {
				return
			}
			defer client.close()
			for i := c; i < n; i += connections {
				do(client, i)
			}
		})
	}
	under.Wait()
}

func clientAddress(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }

// A crowd with tokens joins a source that keeps its leases in a file, and renews
// them while others join: nobody waits for the disk, and all of it is kept. With
// CORECAST_CROWD=100000, on a machine that does nothing else, the times and the
// memory are what they should be.
func TestCrowdIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	n, measured := crowd(t)
	s, err := store.OpenFile(filepath.Join(t.TempDir(), "source.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	a := start(t, viewerapi.Options{Auth: tokens{time.Now().Add(time.Hour)}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	w, stop := kept(t, a, s)
	ids := make([]string, n)
	fillHistory(t, s)
	before := heap()

	began := time.Now()
	everybody(t, a, n, func(client *keptAlive, i int) {
		status, body := client.ask("POST", viewers, clientAddress(i), `{"port": 5004}`)
		var lease viewerapi.Lease
		if err := json.Unmarshal(body, &lease); status != "201 Created" || err != nil {
			t.Errorf("viewer %d: %s, %v", i, status, err)
		}
		ids[i] = lease.ID
	})
	joined := time.Since(began)
	for deadline := time.Now().Add(patience); w.Waiting() > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	stored := time.Since(began)
	per := float64(heap()-before)/float64(n) - float64(len(ids[0])+16) // which are the test's own

	// All renew within a fifth of the lease, as they are told to; meanwhile others
	// join.
	waits := strangers(t, a, func() {
		began := time.Now()
		pace := viewerapi.DefaultTTL / 5 / time.Duration(max(n, 100_000)) // a tenth of the crowd takes a tenth of the time
		everybody(t, a, n, func(client *keptAlive, i int) {
			time.Sleep(time.Until(began.Add(time.Duration(i) * pace)))
			if status, _ := client.ask("PUT", viewers+"/"+ids[i], clientAddress(i), ""); status != "200 OK" {
				t.Errorf("viewer %d renews: %s", i, status)
			}
		})
	})
	p99 := waits[len(waits)*99/100]
	total := a.list.Len()
	stop()
	t.Logf("%d viewers with tokens joined in %v, stored after %v; %.0f bytes a viewer; %d joins while all renewed: half in %v, 99 %% in %v; %+v",
		n, joined.Round(time.Millisecond), stored.Round(time.Millisecond), per, len(waits), waits[len(waits)/2], p99, w.Stats())
	if measured && (joined > 10*time.Second || p99 > 50*time.Millisecond || per >= 200) {
		t.Error("want less than 10 s, 50 ms and 200 bytes")
	}
	f := keep.NewFollower(s, "news")
	if err := f.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(f.Leases(time.Now())); got != total || w.Stats().Dropped != 0 {
		t.Errorf("%d leases of %d are kept, %+v", got, total, w.Stats())
	}
}

// fillHistory makes the store remember as many events as it ever will for its
// watches: that memory is not the viewers'.
func fillHistory(t *testing.T, s store.Store) {
	t.Helper()
	w := store.NewWriter(s, store.WriterOptions{})
	for i := range 20_000 {
		w.Put(fmt.Sprintf("source/channels/other/viewers/%016x", i), make([]byte, 128))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// strangers join one after the other while do does something. It returns how
// long each took, sorted.
func strangers(t *testing.T, a *api, do func()) []time.Duration {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	client := dial(t, a.url)
	defer client.close()
	var took []time.Duration
	for i := 0; ; i++ {
		began := time.Now()
		if status := client.join(fmt.Sprintf("172.%d.%d.%d", 16+i>>16, i>>8&255, i&255)); status != "201 Created" {
			t.Errorf("stranger %d: %s", i, status)
		}
		took = append(took, time.Since(began))
		select {
		case <-done:
			slices.Sort(took)
			return took
		case <-time.After(5 * time.Millisecond):
		}
	}
}
