package store_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
	"github.com/corecast/corecast/store/storetest"
	"go.uber.org/goleak"
)

// TestMain lets more tests run at once than there are CPUs: they wait for leases,
// elections and timeouts.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return store.NewMemory() })
}

func TestFile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return openFile(t, filepath.Join(t.TempDir(), "store.db")) })
}

func TestEtcd(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	var stores atomic.Int32
	storetest.Run(t, func(t *testing.T) store.Store {
		return openEtcd(t, cluster.URL(fmt.Sprint("conformance/", stores.Add(1))))
	})
}

func openEtcd(t *testing.T, url string) *store.Etcd {
	t.Helper()
	s, err := store.OpenEtcd(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openFile(t *testing.T, path string) *store.File {
	t.Helper()
	f, err := store.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
