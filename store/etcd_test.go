package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// patience bounds what must come, on a machine that does much else.
const patience = 30 * time.Second

// putWhenServed puts a key as soon as the store takes it.
func putWhenServed(t *testing.T, s store.Store, key string) store.Revision {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		r, err := store.Put(ctx, s, key, nil)
		if err == nil {
			return r
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
}

func TestEtcdPrefixesAreApart(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	prefixes := []string{"a", "ab", "a/b", "b"}
	stores := map[string]*store.Etcd{}
	for _, p := range prefixes {
		stores[p] = openEtcd(t, cluster.URL(p))
		defer closeStore(t, stores[p])
	}
	for _, p := range prefixes {
		if _, err := store.Put(t.Context(), stores[p], "k", []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range prefixes {
		page, err := stores[p].List(t.Context(), "", "", 0)
		if err != nil || len(page.Entries) != 1 || string(page.Entries[0].Value) != p {
			t.Errorf("prefix %s holds %+v, %v", p, page.Entries, err)
		}
	}
	if err := errOf(store.OpenEtcd(t.Context(), cluster.URL("a/keys"))); err == nil || !strings.Contains(err.Error(), `none be "keys"`) {
		t.Errorf("a prefix within another's keys: %v", err)
	}
}

// TestEtcdWatchAcrossCompaction lets etcd forget what a watch would have to see
// next.
func TestEtcdWatchAcrossCompaction(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	access := cluster.NewAccess()
	cut, free := openEtcd(t, access.URL("c")), openEtcd(t, cluster.URL("c"))
	defer closeStore(t, cut)
	defer closeStore(t, free)
	first := putWhenServed(t, cut, "first")
	next, errs := follow(t, cut, first)

	seen := putWhenServed(t, free, "seen")
	if c := <-next; c.Revision != seen {
		t.Fatalf("%+v, want revision %d", c, seen)
	}
	access.Break()
	putWhenServed(t, free, "missed")
	last := putWhenServed(t, free, "last")
	if _, err := cluster.Client().Compact(t.Context(), int64(last)); err != nil {
		t.Fatal(err)
	}
	access.Restore()
	select {
	case c := <-next:
		t.Fatalf("the watch goes on with %+v and has missed one", c)
	case err := <-errs:
		if !errors.Is(err, store.ErrCompacted) {
			t.Fatalf("the watch ended with %v", err)
		}
	}
	page, err := cut.List(t.Context(), "", "", 0)
	if err != nil || len(page.Entries) != 4 {
		t.Fatalf("%+v, %v", page, err)
	}
	next, _ = follow(t, cut, page.Revision)
	again := putWhenServed(t, free, "again")
	if c := <-next; c.Revision != again {
		t.Errorf("%+v, want revision %d", c, again)
	}
}

// follow watches in a goroutine that ends with the test; errs holds the end.
func follow(t *testing.T, s store.Store, after store.Revision) (changes <-chan store.Change, errs <-chan error) {
	next, ended, done := make(chan store.Change), make(chan error, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		for c, err := range s.Watch(ctx, "", after) {
			if err != nil {
				ended <- err
				return
			}
			select {
			case next <- c:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return next, ended
}

// TestEtcdLeasesOutliveRestarts restarts etcd, and then the store, several times
// within what a lease lasts.
func TestEtcdLeasesOutliveRestarts(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	s := openEtcd(t, cluster.URL("l"))
	id, err := s.Grant(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), store.Txn{Then: []store.Op{{Key: "leased", Lease: id}}}); err != nil {
		t.Fatal(err)
	}
	cluster.Restart(0)
	cluster.Await()
	if err := s.Renew(t.Context(), id); err != nil {
		t.Errorf("etcd's restart cost a lease: %v", err)
	}
	closeStore(t, s)
	s = openEtcd(t, cluster.URL("l"))
	defer closeStore(t, s)
	e, err := s.Get(t.Context(), "leased")
	if err != nil || e.Lease != id {
		t.Fatalf("%+v, %v", e, err)
	}
	if err := s.Renew(t.Context(), e.Lease); err != nil {
		t.Errorf("our restart cost a lease: %v", err)
	}
}

// TestEtcdThatDoesNotAnswer says what is known of each request, in time.
func TestEtcdThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	access := cluster.NewAccess()
	s := openEtcd(t, access.URL("n?timeout=1s"))
	defer closeStore(t, s)
	id, err := s.Grant(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	putWhenServed(t, s, "k")

	access.Stall() // what is sent may arrive
	if _, err := store.Put(t.Context(), s, "stalled", nil); !errors.Is(err, store.ErrUnknown) || !strings.Contains(err.Error(), "no answer within 1s") {
		t.Errorf("a commit into the void: %v; want ErrUnknown", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	if _, err := store.Put(ctx, s, "given up", nil); !errors.Is(err, store.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a commit that was given up: %v; want ErrUnknown and the context's error", err)
	}
	cancel()
	access.Restore()
	putWhenServed(t, s, "k")

	access.Break() // nothing can be sent
	awaitError(t, func() error { _, err := s.Get(t.Context(), "k"); return err })
	var wg sync.WaitGroup
	for what, call := range map[string]func() error{
		"Get":    func() error { return errOf(s.Get(t.Context(), "k")) },
		"List":   func() error { return errOf(s.List(t.Context(), "", "", 0)) },
		"Commit": func() error { return errOf(store.Put(t.Context(), s, "refused", nil)) },
		"Grant":  func() error { return errOf(s.Grant(t.Context(), time.Minute)) },
		"Renew":  func() error { return s.Renew(t.Context(), id) },
		"Open":   func() error { return errOf(store.OpenEtcd(t.Context(), access.URL("n?timeout=1s"))) },
	} {
		wg.Go(func() {
			err := call()
			if err == nil || errors.Is(err, store.ErrUnknown) || !strings.Contains(err.Error(), "no answer within 1s: most members must be up") ||
				!strings.Contains(err.Error(), access.Endpoints()[0]) {
				t.Errorf("%s while etcd is down: %v", what, err)
			}
		})
	}
	wg.Wait()
	access.Restore()
	putWhenServed(t, s, "back")
	if _, err := s.Get(t.Context(), "refused"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was said not to be stored is: %v", err)
	}
	if err := s.Renew(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// awaitError calls until there is an error: connections need a moment to break.
func awaitError(t *testing.T, call func() error) {
	t.Helper()
	for start := time.Now(); call() == nil; {
		if time.Since(start) > patience {
			t.Fatal("no error comes")
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestEtcdThatIsFull fills a cluster's small quota.
func TestEtcdThatIsFull(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about etcd's answers alone")
	}
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{Flags: []string{"--quota-backend-bytes=1048576"}})
	s := openEtcd(t, cluster.URL("f"))
	defer closeStore(t, s)
	putWhenServed(t, s, "kept")
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = store.Put(t.Context(), s, fmt.Sprint("k", i), make([]byte, 100_000))
	}
	if err == nil || errors.Is(err, store.ErrUnknown) || !strings.Contains(err.Error(), "its database is full") {
		t.Errorf("a full etcd: %v", err)
	}
	if _, err := s.Get(t.Context(), "kept"); err != nil {
		t.Errorf("a full etcd can be read: %v", err)
	}
}

func TestEtcdAsksForAUser(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about etcd's answers alone")
	}
	cluster := etcdtest.Start(t, etcdtest.Options{})
	admin := cluster.Client()
	ctx := t.Context()
	for what, err := range map[string]error{
		"root":   errOf(admin.UserAdd(ctx, "root", "root-secret")),
		"grant":  errOf(admin.UserGrantRole(ctx, "root", "root")),
		"role":   errOf(admin.RoleAdd(ctx, "corecast")),
		"prefix": errOf(admin.RoleGrantPermission(ctx, "corecast", "allowed/", clientv3.GetPrefixRangeEnd("allowed/"), clientv3.PermissionType(clientv3.PermReadWrite))),
		"user":   errOf(admin.UserAdd(ctx, "cc", "cc-secret")),
		"member": errOf(admin.UserGrantRole(ctx, "cc", "corecast")),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if _, err := admin.AuthEnable(ctx); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ url, password, want string }{
		{"allowed", "", "the cluster asks who it is: add ?user=NAME"},
		{"allowed?user=cc", "", "user cc has no password: give password_file=FILE, or set CORECAST_ETCD_PASSWORD"},
		{"allowed?user=cc", "wrong-secret", "user cc or its password is not right"},
		{"other?user=cc", "cc-secret", "role grant-permission ROLE readwrite --prefix other/"},
		{"allowed?user=cc&password_file=/nonexistent", "", "password_file: open /nonexistent: no such file"},
	}
	for _, tt := range tests {
		t.Setenv("CORECAST_ETCD_PASSWORD", tt.password)
		err := errOf(store.OpenEtcd(ctx, cluster.URL(tt.url)))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s with %q: %v; want %q", tt.url, tt.password, err, tt.want)
		}
	}
	t.Setenv("CORECAST_ETCD_PASSWORD", "cc-secret")
	s := openEtcd(t, cluster.URL("allowed?user=cc"))
	defer closeStore(t, s)
	putWhenServed(t, s, "k")
}

func TestEtcdURLs(t *testing.T) {
	for url, want := range map[string]string{
		"etcd://a:2379":                            "",
		"etcd://a:2379,[::1]:2379/x/y/":            "",
		"etcd://a:2379/x?tls=true&timeout=10s":     "",
		"etcd://a:2379/x?ca=c&cert=c&key=k&user=u": "",
		"etcd:///x":                                  `"" is no HOST:PORT`,
		"etcd://a:2379,b/x":                          `"b" is no HOST:PORT`,
		"etcd://a:2379,/x":                           `"" is no HOST:PORT`,
		"etcd://u:secret@a:2379/x":                   "a password in a URL is seen by many",
		"etcd://a:2379/x//y":                         "its parts must have names",
		"etcd://a:2379/meta":                         `none be "keys" or "meta"`,
		"etcd://a:2379/x?tls=yes":                    "tls=yes: want true or false",
		"etcd://a:2379/x?cert=c":                     "cert and key go together",
		"etcd://a:2379/x?password=secret":            `parameter "password" is not known: there are ca, cert, key, password_file`,
		"etcd://a:2379/x?password_file=f":            "password_file without user",
		"etcd://a:2379/x?timeout=1":                  "timeout=1: want 1s to 1m",
		"etcd://a:2379/x?%zz":                        "parameters",
		"etcd://a:2379/x?user=u&password_file=/none": "",
	} {
		err := store.Check(url)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: %v; want %q", url, err, want)
		}
	}
}
