package node

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/source/credential"
)

// A webhook is told who changed what, and after a restart of what it was not
// told before.
func TestWebhooks(t *testing.T) {
	told := make(chan webhook.Body, 100)
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var body webhook.Body
		if err := json.Unmarshal(text, &body); err != nil ||
			!credential.Verify([]byte("between us"), time.Now(), time.Minute, text, r.Header.Get(credential.SignatureHeader)) {
			t.Errorf("%s: %v", text, err)
		}
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		told <- body
	}))
	t.Cleanup(server.Close)
	cfg := decode(t, `
store: "file:`+filepath.Join(t.TempDir(), "corecast.db")+`"
webhooks: [ { name: pager, url: "`+server.URL+`", secret: between us, events: [created, deleted] } ]
`)
	site := func(n *Node, name, spec string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := n.inventory.Do(ctx, inventory.Change{Ref: inventory.Ref{Kind: inventory.Site, Name: name}, Op: inventory.Put, Body: []byte(spec), Who: "token:ops"}); err != nil {
			t.Fatal(err)
		}
	}
	next := func(text string) {
		t.Helper()
		select {
		case body := <-told:
			e := body.Events[0]
			if len(body.Events) != 1 || body.Hook != "pager" || e.Who != "token:ops" || e.Object == nil || e.Object.Name != text {
				t.Errorf("told %+v", body)
			}
		case <-time.After(patience):
			t.Fatalf("not told of %s", text)
		}
	}
	n, stop := start(t, cfg)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := n.store.Get(t.Context(), "webhooks/pager/after"); err == nil {
			break // what happens from now on is told
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody tells")
		}
	}
	site(n, "studio", `{"eid_prefixes": ["10.0.0.0/16"]}`)
	next("studio")
	site(n, "studio", `{"eid_prefixes": ["10.0.0.0/15"]}`) // changed, which it does not want
	down.Store(true)
	site(n, "viewers", `{"eid_prefixes": ["10.2.0.0/16"]}`)
	for deadline := time.Now().Add(patience); n.webhooks.Counters()["pager"].Failures == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never failed")
		}
	}
	stop()
	down.Store(false)
	n, _ = start(t, cfg)
	next("viewers")

	// Another file is in use while it runs: it is no longer told of what is deleted.
	other := *cfg
	other.Webhooks = slices.Clone(cfg.Webhooks)
	other.Webhooks[0].Events = []string{"created"}
	if err := n.Apply(&other); err != nil {
		t.Fatal(err)
	}
	if _, err := n.inventory.Do(t.Context(), inventory.Change{Ref: inventory.Ref{Kind: inventory.Site, Name: "viewers"}, Op: inventory.Delete, Who: "token:ops"}); err != nil {
		t.Fatal(err)
	}
	site(n, "more", `{"eid_prefixes": ["10.3.0.0/16"]}`)
	next("more")
}
