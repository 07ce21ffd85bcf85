package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
)

// rename moves old/… to new/… and changes the values' form; drop removes gone/….
var (
	rename = store.MakeStep("rename old to new", func(e store.Entry) ([]store.Op, error) {
		name, ok := strings.CutPrefix(e.Key, "old/")
		if !ok {
			return nil, nil
		}
		if len(e.Value) == 0 {
			return nil, errors.New("has no value")
		}
		return []store.Op{{Key: e.Key, Delete: true}, {Key: "new/" + name, Value: bytes.ToUpper(e.Value)}}, nil
	})
	drop = store.MakeStep("drop gone", func(e store.Entry) ([]store.Op, error) {
		if strings.HasPrefix(e.Key, "gone/") {
			return []store.Op{{Key: e.Key, Delete: true}}, nil
		}
		return nil, nil
	})
)

// backend opens one place again and again, with programs of different schemas.
type backend func(steps ...store.Step) (store.Store, error)

func fileBackend(path string) backend {
	return func(steps ...store.Step) (store.Store, error) {
		f, err := store.OpenFileWith(path, steps...)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
}

func etcdBackend(t *testing.T, url string) backend {
	return func(steps ...store.Step) (store.Store, error) {
		s, err := store.OpenEtcdWith(t.Context(), url, steps...)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

const oldKeys = 500 // more than a transaction takes

// fillOld makes a store as a program of schema 1 leaves it. One key is leased.
func fillOld(t *testing.T, open backend) store.LeaseID {
	t.Helper()
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	w := store.NewWriter(s, store.WriterOptions{})
	for i := range oldKeys {
		w.Put(fmt.Sprintf("old/%03d", i), []byte("value"))
		w.Put(fmt.Sprintf("gone/%03d", i), []byte("value"))
	}
	w.Put("stays", []byte("value"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	id, err := s.Grant(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), store.Txn{Then: []store.Op{{Key: "old/leased", Value: []byte("value"), Lease: id}}}); err != nil {
		t.Fatal(err)
	}
	return id
}

// wantNew checks that a store is as both steps leave it.
func wantNew(t *testing.T, s store.Store, lease store.LeaseID) {
	t.Helper()
	page, err := s.List(t.Context(), "", "", 0)
	if err != nil || len(page.Entries) != oldKeys+2 {
		t.Fatalf("%d entries, %v; want %d", len(page.Entries), err, oldKeys+2)
	}
	for i, e := range page.Entries {
		switch {
		case i < oldKeys && (e.Key != fmt.Sprintf("new/%03d", i) || string(e.Value) != "VALUE" || e.Lease != 0),
			i == oldKeys && (e.Key != "new/leased" || string(e.Value) != "VALUE" || e.Lease != lease),
			i == oldKeys+1 && (e.Key != "stays" || string(e.Value) != "value"):
			t.Errorf("entry %d: %+v", i, e)
		}
	}
}

func TestSchemaIsBroughtUp(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	for name, open := range map[string]backend{
		"file": fileBackend(filepath.Join(t.TempDir(), "store.db")),
		"etcd": etcdBackend(t, cluster.URL("schema")),
	} {
		t.Run(name, func(t *testing.T) {
			lease := fillOld(t, open)
			for range 2 { // the second time there is nothing to do
				s, err := open(rename, drop)
				if err != nil {
					t.Fatal(err)
				}
				wantNew(t, s, lease)
				if _, err := store.Put(t.Context(), s, "stays", []byte("value")); err != nil {
					t.Error(err)
				}
				closeStore(t, s)
			}
			s, err := open()
			if err == nil {
				closeStore(t, s)
			}
			if !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "has schema 3, and this corecast knows 1: use the corecast that wrote it") {
				t.Errorf("an older program: %v", err)
			}
		})
	}
}

// TestSchemaStepFails starts a step on what it cannot change.
func TestSchemaStepFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	open := fileBackend(path)
	lease := fillOld(t, open)
	s := openFile(t, path)
	if _, err := store.Put(t.Context(), s, "old/zzz", nil); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	for range 2 {
		if _, err := open(rename, drop); err == nil || !strings.Contains(err.Error(), "rename old to new, at old/zzz: has no value") || !strings.Contains(err.Error(), path) {
			t.Fatalf("the step: %v", err)
		}
	}
	s = openFile(t, path) // as it was
	if _, err := store.Delete(t.Context(), s, "old/zzz"); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	now, err := open(rename, drop)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, now)
	wantNew(t, now, lease)
}

// TestSchemaStepIsGoneOnWith interrupts a step on etcd; then several nodes go on
// with it at once, while one of the old program is still there.
func TestSchemaStepIsGoneOnWith(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	open := etcdBackend(t, cluster.URL("schema"))
	lease := fillOld(t, open)
	old, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, old)

	var calls atomic.Int32
	interrupted := store.MakeStep(rename.What(), func(e store.Entry) ([]store.Op, error) {
		if calls.Add(1) > oldKeys+300 { // gone/… come first
			return nil, errors.New("interrupted")
		}
		return rename.Entry(e)
	})
	if _, err := open(interrupted, drop); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Fatal(err)
	}
	page, err := old.List(t.Context(), "new/", "", 0)
	if err != nil || len(page.Entries) == 0 || len(page.Entries) > oldKeys {
		t.Fatalf("%d entries were changed, %v", len(page.Entries), err)
	}
	if _, err := store.Put(t.Context(), old, "old/late", nil); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "is of schema 1>2 now") {
		t.Errorf("an old node writes into a step: %v", err)
	}
	if _, err := open(); !errors.Is(err, store.ErrSchema) {
		t.Errorf("an old node starts within a step: %v", err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			s, err := open(rename, drop)
			if err != nil {
				t.Error(err)
				return
			}
			wantNew(t, s, lease)
			closeStore(t, s)
		})
	}
	wg.Wait()
	if _, err := store.Put(t.Context(), old, "old/late", nil); !errors.Is(err, store.ErrSchema) {
		t.Errorf("an old node writes: %v", err)
	}
}

func TestEtcdPrefixOfOthers(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	client := cluster.Client()
	for _, tt := range []struct{ prefix, key, value, want string }{
		{"theirs", "keys/k", "", `holds keys, such as "k", and does not say of which schema`},
		{"damaged", "meta/schema", "what", `says "what": it is not of CoreCast, or damaged`},
		{"restoring", "meta/schema", "restoring", "a backup is being restored to it"},
		{"newer", "meta/schema", "7", "has schema 7, and this corecast knows 1"},
		{"newer-step", "meta/schema", "1>2", "has schema 2, and this corecast knows 1"},
	} {
		if _, err := client.Put(t.Context(), tt.prefix+"/"+tt.key, tt.value); err != nil {
			t.Fatal(err)
		}
		url := cluster.URL(tt.prefix)
		err := errOf(store.OpenEtcd(t.Context(), url))
		if !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), url) {
			t.Errorf("%s: %v; want %q", url, err, tt.want)
		}
	}
}
