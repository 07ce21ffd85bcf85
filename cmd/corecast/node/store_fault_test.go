package node

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/store"
)

// fullStore takes nothing while it is full.
type fullStore struct {
	store.Store
	full atomic.Bool
}

var errFull = errors.New("no space left on device")

func (f *fullStore) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if f.full.Load() {
		return 0, errFull
	}
	return f.Store.Commit(ctx, txn)
}

// TestFullStore: with a store that takes nothing, full or read-only, the
// switches are kept true, the status says what is wrong, and nobody is told that
// a change was made. When there is room again, all is written.
func TestFullStore(t *testing.T) {
	cfg, err := config.Load("../../../examples/fig2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen.LISP, cfg.Listen.HTTP = []string{"127.0.0.1:0"}, "127.0.0.1:0"
	cfg.FindSite("viewers-1").AuthKeys = []config.AuthKey{{ID: 1, Algorithm: "hmac-sha256-128", Secret: secret}}
	startSwitches(t, cfg)
	s := &fullStore{Store: store.NewMemory()}
	n, _ := startWith(t, cfg, Options{Version: "test", Store: s})
	until(t, "all switches ready", func() bool { return n.Status().Ready() })
	status := func() api.Status { return ask[api.Status](t, n, "/api/v1/status") }

	s.full.Store(true)
	before := updates(n)
	register(t, newXTR(t, n), client.Mapping(eid("10.1.0.0/16"), netip.MustParseAddr("192.0.2.99")))
	want := map[string]uint64{"itr": 3, "etr-1": 0, "etr-2": 3, "etr-3": 3}
	until(t, "the registration on the switches", func() bool { return equal(updates(n), before, want) && n.Status().Ready() })
	until(t, "a status that says so", func() bool {
		st := status()
		return !st.OK && strings.HasPrefix(st.Problems[0].What, "store") && strings.Contains(st.Problems[0].Why, errFull.Error()) && st.Store.Waiting > 0
	})
	put := func() int {
		t.Helper()
		body := strings.NewReader(`{"eid_prefixes":["10.77.0.0/16"],"rlocs":[{"address":"192.0.2.77"}]}`)
		request, err := http.NewRequest(http.MethodPut, n.URL()+"/api/v1/sites/rome", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		defer http.DefaultClient.CloseIdleConnections()
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := put(); got < 500 {
		t.Errorf("a change that cannot be stored: %d", got)
	}

	s.full.Store(false)
	until(t, "a status that says so", func() bool { st := status(); return st.OK && st.Store.Waiting == 0 })
	if got := put(); got != http.StatusCreated {
		t.Errorf("a change, when there is room again: %d", got)
	}
}
