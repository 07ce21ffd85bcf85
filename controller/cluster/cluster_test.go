package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what any step of a test takes.
const patience = 30 * time.Second

// never is a lease that does not end while a test runs.
const never = 10 * time.Minute

// site is where a test's nodes are: one store, and switches that remember the
// highest election id they have seen.
type site struct {
	t     *testing.T
	store *store.Memory

	mu      sync.Mutex // guards what follows
	highest map[string]uint64
	primary map[string]string // the node that came with it
	wrong   []string
}

func newSite(t *testing.T) *site {
	s := &site{t: t, store: store.NewMemory(), highest: map[string]uint64{}, primary: map[string]string{}}
	t.Cleanup(func() {
		s.store.Close()
		for _, wrong := range s.wrong {
			t.Error(wrong)
		}
	})
	return s
}

// connect is a node that opens a stream to a switch.
func (s *site) connect(node, sw string, id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case id > s.highest[sw]:
		s.highest[sw], s.primary[sw] = id, node
	case id == s.highest[sw] && s.primary[sw] != node:
		s.wrong = append(s.wrong, fmt.Sprintf("%s and %s have the same election id %d for %s", node, s.primary[sw], id, sw))
	}
}

// node is a Cluster whose sessions are noted, and whose way to the store can be
// cut.
type node struct {
	*Cluster
	name string
	site *site
	way  *way
	stop func()

	mu      sync.Mutex // guards what follows
	masters map[string]Mastership
	taken   int
	closing chan struct{} // if set, sessions are only closed once it is
}

func (s *site) start(name string, ttl time.Duration, switches ...string) *node {
	n := &node{name: name, site: s, way: &way{Store: s.store, cut: make(chan struct{})}}
	n.Cluster = New(Options{Store: n.way, Name: name, TTL: ttl, SetMasters: n.setMasters})
	n.SetSwitches(switches)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	n.stop = func() { cancel(); <-done }
	s.t.Cleanup(n.stop)
	return n
}

func (n *node) setMasters(masters map[string]Mastership) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, before := range n.masters {
		if before.ElectionID != 0 && masters[name].ElectionID == 0 && n.closing != nil {
			<-n.closing
		}
	}
	for name, m := range masters {
		if m.ElectionID != 0 && n.masters[name].ElectionID != m.ElectionID {
			n.taken++
			n.site.connect(n.name, name, m.ElectionID)
		}
	}
	n.masters = masters
	return nil
}

// ours are the switches that a node has sessions with.
func (n *node) ours() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for name, m := range n.masters {
		if m.ElectionID != 0 {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func (n *node) takenSoFar() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.taken
}

// way is a node's way to the store. While it is cut nothing is answered.
type way struct {
	store.Store
	mu  sync.Mutex    // guards cut
	cut chan struct{} // closed while it is
}

func (w *way) sever() { w.mu.Lock(); close(w.cut); w.mu.Unlock() }
func (w *way) mend()  { w.mu.Lock(); w.cut = make(chan struct{}); w.mu.Unlock() }

func (w *way) severed() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut
}

func (w *way) open(ctx context.Context) error {
	select {
	case <-w.severed():
		<-ctx.Done()
		return ctx.Err()
	default:
		return nil
	}
}

func (w *way) Get(ctx context.Context, key string) (store.Entry, error) {
	if err := w.open(ctx); err != nil {
		return store.Entry{}, err
	}
	return w.Store.Get(ctx, key)
}

func (w *way) List(ctx context.Context, prefix, after string, limit int) (store.Page, error) {
	if err := w.open(ctx); err != nil {
		return store.Page{}, err
	}
	return w.Store.List(ctx, prefix, after, limit)
}

func (w *way) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if err := w.open(ctx); err != nil {
		return 0, err
	}
	return w.Store.Commit(ctx, txn)
}

func (w *way) Grant(ctx context.Context, ttl time.Duration) (store.LeaseID, error) {
	if err := w.open(ctx); err != nil {
		return 0, err
	}
	return w.Store.Grant(ctx, ttl)
}

func (w *way) Renew(ctx context.Context, id store.LeaseID) error {
	if err := w.open(ctx); err != nil {
		return err
	}
	return w.Store.Renew(ctx, id)
}

func (w *way) Revoke(ctx context.Context, id store.LeaseID) error {
	if err := w.open(ctx); err != nil {
		return err
	}
	return w.Store.Revoke(ctx, id)
}

var errCut = errors.New("the way to the store is cut")

func (w *way) Watch(ctx context.Context, prefix string, after store.Revision) iter.Seq2[store.Change, error] {
	return func(yield func(store.Change, error) bool) {
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := make(chan struct{})
		defer close(stop)
		go func(cut chan struct{}) {
			select {
			case <-cut:
				cancel(errCut)
			case <-stop:
			}
		}(w.severed())
		for change, err := range w.Store.Watch(inner, prefix, after) {
			if !yield(change, err) {
				return
			}
		}
	}
}

// shared reports whether the nodes have all of the switches, each one, evenly.
func shared(switches []string, nodes ...*node) error {
	var all []string
	low, high := len(switches), 0
	var loads []string
	for _, n := range nodes {
		ours := n.ours()
		all = append(all, ours...)
		low, high = min(low, len(ours)), max(high, len(ours))
		loads = append(loads, fmt.Sprintf("%s has %d", n.name, len(ours)))
	}
	slices.Sort(all)
	if want := sorted(switches); !slices.Equal(all, want) || high-low > 1 {
		return fmt.Errorf("%s: %v of %v", strings.Join(loads, ", "), all, want)
	}
	return nil
}

func until(t *testing.T, ok func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func untilShared(t *testing.T, switches []string, nodes ...*node) {
	t.Helper()
	until(t, func() error { return shared(switches, nodes...) })
}

// TestNodesComeAndGo: switches are shared evenly, and no more of them move than
// must. Leases that never end show that nobody waits for one.
func TestNodesComeAndGo(t *testing.T) {
	s, switches := newSite(t), names("s", 10)
	a := s.start("a", never, switches...)
	untilShared(t, switches, a)
	b := s.start("b", never, switches...)
	untilShared(t, switches, a, b)
	c := s.start("c", never, switches...)
	untilShared(t, switches, a, b, c)
	if moved := b.takenSoFar() + c.takenSoFar(); a.takenSoFar() != 10 || moved > 9 {
		t.Errorf("a took %d, b %d, c %d", a.takenSoFar(), b.takenSoFar(), c.takenSoFar())
	}
	nodes := a.Nodes()
	if len(nodes) != 3 || nodes[0].Name != "a" || nodes[0].Masters+nodes[1].Masters+nodes[2].Masters != 10 {
		t.Errorf("nodes: %+v", nodes)
	}
	a.mu.Lock()
	if by := a.masters[b.ours()[0]].By; by != "b" {
		t.Errorf("a says that a switch of b is %q's", by)
	}
	a.mu.Unlock()

	kept := b.ours()
	a.stop()
	untilShared(t, switches, b, c)
	for _, sw := range kept {
		if !slices.Contains(b.ours(), sw) {
			t.Errorf("%s left b, which had room for it", sw)
		}
	}
	c.stop()
	untilShared(t, switches, b)
}

// TestANodeThatDies is succeeded when its lease ends, and gives up by itself what it
// may not have any more; when it is back it gets its share again.
func TestANodeThatDies(t *testing.T) {
	s, switches := newSite(t), names("s", 7)
	a, b := s.start("a", time.Second, switches...), s.start("b", time.Second, switches...)
	untilShared(t, switches, a, b)
	a.way.sever()
	untilShared(t, switches, b)
	until(t, func() error { return shared(nil, a) })
	if err := a.Err(); err == nil {
		t.Error("a thinks that all is well")
	}
	a.way.mend()
	untilShared(t, switches, a, b)
	until(t, a.Err)
}

// TestSessionsEndBeforeMasterships: the next master is not let in while the one
// before has a session.
func TestSessionsEndBeforeMasterships(t *testing.T) {
	s, switches := newSite(t), names("s", 2)
	a := s.start("a", never, switches...)
	untilShared(t, switches, a)
	closing := make(chan struct{})
	a.mu.Lock()
	a.closing = closing
	a.mu.Unlock()
	b := s.start("b", never, switches...)
	until(t, func() error { // a is giving one up, and has not
		a.Cluster.mu.Lock()
		defer a.Cluster.mu.Unlock()
		if len(a.releasing) == 0 {
			return errors.New("a does not give up anything")
		}
		return nil
	})
	if page, err := s.store.List(t.Context(), switchKeys, "", 0); err != nil || len(page.Entries) != 2 || len(b.ours()) != 0 {
		t.Errorf("%d masterships, b has %v: %v", len(page.Entries), b.ours(), err)
	}
	for _, e := range all(t, s.store, switchKeys) {
		if string(e.Value) != a.Self().ID {
			t.Errorf("%s is not a's any more", e.Key)
		}
	}
	close(closing)
	untilShared(t, switches, a, b)
}

func all(t *testing.T, s store.Store, prefix string) (list []store.Entry) {
	for e, err := range store.All(t.Context(), s, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// TestSwitchesChange at one node before the other: what only one knows is its own,
// and what nobody knows any more is nobody's.
func TestSwitchesChange(t *testing.T) {
	s, few, many := newSite(t), names("s", 4), names("s", 8)
	a, b := s.start("a", never, few...), s.start("b", never, few...)
	untilShared(t, few, a, b)
	a.SetSwitches(many)
	until(t, func() error {
		if len(a.ours()) != 6 || len(b.ours()) != 2 {
			return fmt.Errorf("a has %v, b %v", a.ours(), b.ours())
		}
		return nil
	})
	b.SetSwitches(many)
	untilShared(t, many, a, b)
	a.SetSwitches(few[:1])
	b.SetSwitches(few[:1])
	untilShared(t, few[:1], a, b)
}

// TestElectionIDsBeginWithTheClock, and only grow; also if the store was lost.
func TestElectionIDsBeginWithTheClock(t *testing.T) {
	before := uint64(time.Now().UnixNano())
	highest := uint64(0)
	for range 2 { // stores
		s := newSite(t)
		for range 3 {
			a := s.start("a", never, "itr")
			untilShared(t, []string{"itr"}, a)
			id := maps.Clone(a.masters)["itr"].ElectionID
			if id <= highest || id < before {
				t.Errorf("election id %d after %d", id, highest)
			}
			highest = id
			a.stop()
		}
	}
}

// TestOlderStoreRestored: its revisions begin anew, and yet the ids go on.
func TestOlderStoreRestored(t *testing.T) {
	s := newSite(t)
	for range 500 {
		if _, err := store.Put(t.Context(), s.store, "other", nil); err != nil {
			t.Fatal(err)
		}
	}
	a := s.start("a", never, "itr")
	untilShared(t, []string{"itr"}, a)
	backup := all(t, s.store, epochKey)[0]
	a.stop()
	before := s.highest["itr"]

	restored := newSite(t)
	if _, err := store.Put(t.Context(), restored.store, epochKey, backup.Value); err != nil {
		t.Fatal(err)
	}
	b := restored.start("b", never, "itr")
	untilShared(t, []string{"itr"}, b)
	// One that comes later takes the epoch that there is.
	epoch := all(t, restored.store, epochKey)[0]
	c := restored.start("c", never, "itr")
	until(t, func() error {
		if len(c.Nodes()) != 2 {
			return errors.New("c is not there")
		}
		return nil
	})
	if now := all(t, restored.store, epochKey)[0]; now.Modified != epoch.Modified {
		t.Error("c began another epoch")
	}
	b.stop()
	untilShared(t, []string{"itr"}, c)
	if after := restored.highest["itr"]; after <= before {
		t.Errorf("election id %d after %d", after, before)
	}
}

// TestNonsenseInTheStore is nobody, and hurts nobody.
func TestNonsenseInTheStore(t *testing.T) {
	s := newSite(t)
	for _, key := range []string{nodeKeys + "x", nodeKeys, switchKeys, statusKeys + "x", Prefix + "y/z"} {
		for _, value := range []string{"{", strings.Repeat(" ", 1<<16), `{"name":"x","switches":7}`} {
			if _, err := store.Put(t.Context(), s.store, key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := s.start("a", never, "itr")
	untilShared(t, []string{"itr"}, a)
	if nodes := a.Nodes(); len(nodes) != 1 {
		t.Errorf("%+v", nodes)
	}

	other := newSite(t)
	if _, err := store.Put(t.Context(), other.store, epochKey, []byte("7")); err != nil {
		t.Fatal(err)
	}
	b := other.start("b", never, "itr")
	until(t, func() error {
		if err := b.Err(); err == nil || !strings.Contains(err.Error(), "not 8") {
			return fmt.Errorf("b says %v", err)
		}
		return nil
	})
}

// TestWhatWasGivenUpIsNotTakenFromTheNext: a node that has given up a switch, and not
// yet heard that it was taken, leaves the next master alone.
func TestWhatWasGivenUpIsNotTakenFromTheNext(t *testing.T) {
	s := newSite(t)
	b := s.start("b", never, "itr")
	untilShared(t, []string{"itr"}, b)
	a := New(Options{Store: s.store, Name: "a", SetMasters: func(map[string]Mastership) error { return nil }})
	for _, e := range all(t, s.store, Prefix) {
		a.view.note(store.Event{Entry: e})
	}
	a.releasing["itr"] = true
	if err := a.release(t.Context(), []string{"itr"}); err != nil {
		t.Fatal(err)
	}
	if list := all(t, s.store, switchKeys); len(list) != 1 || string(list[0].Value) != b.Self().ID {
		t.Errorf("b has lost it: %v", list)
	}
}
