package viewerapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must happen on a busy machine.
const patience = 30 * time.Second

// api is a running server with one channel, "news".
type api struct {
	t      testing.TB
	server *viewerapi.Server
	list   *dstlist.List
	url    string
	client *http.Client
}

func start(t testing.TB, opts viewerapi.Options) *api {
	t.Helper()
	a := &api{t: t, list: dstlist.New(dstlist.Options{KeepExpired: true, ListSize: 32})}
	server, err := viewerapi.New(opts, viewerapi.Channel{Name: "news", Title: "The News", Viewers: a.list,
		Source: netip.MustParseAddrPort("127.0.0.9:7000")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()
	web := httptest.NewServer(server.Handler())
	a.server, a.url, a.client = server, web.URL, web.Client()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return a
}

// ask makes a request and returns the status and the answer.
func (a *api) ask(method, path, body string, headers ...string) (int, map[string]any) {
	a.t.Helper()
	r, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	var v map[string]any
	_ = json.NewDecoder(reply.Body).Decode(&v)
	if reply.StatusCode >= 400 && (reply.Header.Get("Content-Type") != "application/problem+json" || v["title"] == nil || v["detail"] == nil) {
		a.t.Errorf("%s %s: %d without a problem: %v", method, path, reply.StatusCode, v)
	}
	return reply.StatusCode, v
}

// served returns the viewers that a round names.
func (a *api) served() []netip.AddrPort {
	a.t.Helper()
	var all []netip.AddrPort
	b := dstlist.NewBatch(0, 64)
	a.list.Begin(time.Now())
	defer a.list.End()
	for more := true; more; {
		var err error
		b.Reset(64)
		if more, err = a.list.Next(time.Now(), wire.Identify(1, []byte("media")), b); err != nil {
			a.t.Fatal(err)
		}
		for _, p := range b.Packets() {
			var h wire.Header4
			if err := h.Decode(p); err != nil {
				a.t.Fatal(err)
			}
			for v := range h.Viewers() {
				all = append(all, v)
			}
		}
	}
	return all
}

const viewers = "/v1/channels/news/viewers"
