package keep_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/keep"
	"github.com/corecast/corecast/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table is the leases of a running source, the simple way.
type table struct {
	mu     sync.Mutex // guards leases
	leases map[dstlist.ID]keep.Lease
}

func newTable() *table { return &table{leases: map[dstlist.ID]keep.Lease{}} }

func (t *table) look(id dstlist.ID) (keep.Lease, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, ok := t.leases[id]
	return l, ok
}

func (t *table) set(l keep.Lease) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leases[l.ID] = l
}

func (t *table) remove(id dstlist.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.leases, id)
}

// copy is what there is, as it is read back.
func (t *table) copy() map[dstlist.ID]keep.Lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[dstlist.ID]keep.Lease{}
	for id, l := range t.leases {
		all[id] = l
	}
	return all
}

// now is a time that survives being stored.
func now() time.Time { return time.UnixMilli(time.Now().UnixMilli()) }

func lease(id, n int, ttl time.Duration) keep.Lease {
	eid := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	return keep.Lease{ID: dstlist.ID(id), Viewer: netip.AddrPortFrom(eid, 5004), Word: dstlist.Word(n % 3), Expires: now().Add(ttl), Client: eid}
}

// begin reads what is kept and begins to keep it.
func begin(t testing.TB, s store.Store, tab *table, opts keep.Options) (*keep.Writer, map[dstlist.ID]keep.Lease, [32]byte) {
	t.Helper()
	f := keep.NewFollower(s, "news")
	if err := f.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	found := map[dstlist.ID]keep.Lease{}
	for _, l := range f.Leases(time.Now()) {
		found[l.ID] = l
	}
	opts.Look, opts.TTL = tab.look, time.Minute
	w, key, err := keep.Begin(context.Background(), f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return w, found, key
}

// finish runs a writer just long enough to write what is noted.
func finish(t interface{ Fatal(...any) }, w *keep.Writer) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
}
