package viewerapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/viewerapi"
)

// A crowd joins over 200 kept-alive connections, and comes back spread out. A
// viewer takes less than 200 bytes, whatever the server and the list keep of it.
func TestCrowd(t *testing.T) {
	crowd, connections := 100_000, 200
	if testing.Short() {
		crowd = 10_000
	}
	a := start(t, viewerapi.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	a.client = &http.Client{Transport: transport}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	took := make([]time.Duration, crowd)
	started := time.Now()
	var joins sync.WaitGroup
	for c := range connections {
		joins.Go(func() {
			for i := c; i < crowd; i += connections {
				began := time.Now()
				r, _ := http.NewRequest("POST", a.url+viewers, strings.NewReader(`{"port": 5004}`))
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
				reply, err := a.client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, reply.Body)
				_ = reply.Body.Close()
				if reply.StatusCode != 201 {
					t.Errorf("viewer %d: %s", i, reply.Status)
				}
				took[i] = time.Since(began)
			}
		})
	}
	joins.Wait()
	all := time.Since(started)
	slices.Sort(took)
	transport.CloseIdleConnections()
	time.Sleep(100 * time.Millisecond) // for the connections' memory
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / float64(crowd)
	t.Logf("%d viewers joined in %v over %d connections, half of them in %v, 99%% in %v; %.0f bytes a viewer",
		crowd, all.Round(time.Millisecond), connections, took[crowd/2], took[crowd*99/100], per)
	if a.list.Len() != crowd {
		t.Errorf("%d viewers in the list, want %d", a.list.Len(), crowd)
	}
	if per >= 200 && !testing.Short() {
		t.Errorf("%.0f bytes a viewer: want less than 200", per)
	}
	runtime.KeepAlive(took)
}
