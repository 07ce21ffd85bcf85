package northbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// TestClient does with the client what can be done with objects.
func TestClient(t *testing.T) {
	s, _ := newTestServer(t)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	prefix := netip.MustParsePrefix
	site, err := c.PutSite(ctx, api.SiteSpec{Name: "rome", EIDPrefixes: []netip.Prefix{prefix("10.5.0.0/16")}, ReservedEIDs: prefix("10.5.255.0/24"), CoreCast: true}, client.Condition{New: true})
	if err != nil || !site.Created || site.Object.Spec.ReservedEIDs != prefix("10.5.255.0/24") {
		t.Fatalf("%+v, %v", site, err)
	}
	var refused *client.ProblemError
	if _, err = c.PutSite(ctx, site.Object.Spec, client.Condition{New: true}); !errors.As(err, &refused) || refused.Status != 412 {
		t.Errorf("%v", err)
	}
	rome := api.Ref{Kind: api.KindSite, Name: "rome"}
	if _, err = c.Patch(ctx, rome, []byte(`{"rlocs":[{"address":"192.0.2.55"}]}`), client.Condition{Version: site.Object.Version}); err != nil {
		t.Error(err)
	}
	if _, err = c.Patch(ctx, rome, []byte(`{"rlocs":[]}`), client.Condition{Version: site.Object.Version}); !errors.As(err, &refused) || refused.Status != 412 {
		t.Errorf("%v", err)
	}
	if _, created, err := c.Put(ctx, api.Ref{Kind: api.KindSwitch, Name: "itr5"}, []byte(romeSwitch), client.Condition{}); err != nil || !created {
		t.Error(err)
	}
	for i := range 3 {
		if _, _, err := c.Put(ctx, api.Ref{Kind: api.KindChannel, Name: fmt.Sprint("c", i)}, []byte(radioBody), client.Condition{}); err != nil {
			t.Error(err)
		}
	}
	names := ""
	for ch, err := range c.Channels(ctx, client.ChannelFilter{Site: "rome"}) {
		if err != nil {
			t.Fatal(err)
		}
		names += ch.Name + " "
	}
	if names != "c0 c1 c2 " {
		t.Errorf("%s", names)
	}
	if list, err := c.Switches(ctx); err != nil || len(list.Items) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := c.Sites(ctx); err != nil || len(list.Items) != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	if d, err := c.DryRun(ctx, http.MethodDelete, api.Ref{Kind: api.KindChannel, Name: "c0"}, nil, client.Condition{}); err != nil || d.Change != "deleted" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err = c.PutChannel(ctx, api.ChannelSpec{Name: "wrong", Site: "rome"}, client.Condition{}); !errors.As(err, &refused) || refused.Status != 422 || len(refused.Fields) == 0 {
		t.Errorf("%+v", err)
	}
	if err := c.Delete(ctx, api.Ref{Kind: api.KindChannel, Name: "c0"}, client.Condition{}); err != nil {
		t.Error(err)
	}
	if err := c.Report(ctx, "s1", api.SourceReport{Interval: 10, Channels: []api.SourceChannel{{Name: "c1", Viewers: []api.SourceViewer{{EID: netip.MustParseAddr("10.5.0.9"), Port: 5004}}}}}); err != nil {
		t.Error(err)
	}
	for v, err := range c.Viewers(ctx, client.ViewerFilter{Channel: "c1"}) {
		if err != nil || v.Site != "rome" {
			t.Errorf("%+v, %v", v, err)
		}
	}
	var events []api.Event
	err = nil // the log of events follows the store
	for deadline := time.Now().Add(patience); err == nil && len(events) < 7 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		events, err = c.Events(ctx, 0)
	}
	if err != nil || len(events) < 7 || events[0].Text != "site rome created by address:local" {
		t.Errorf("%+v, %v", events, err)
	}
	if events, err := c.Events(ctx, 1); err != nil || len(events) != 1 || events[0].Kind != api.Deleted {
		t.Errorf("%+v, %v", events, err)
	}
}

// TestFollowGoesOn: when the controller hangs up, nothing that happens meanwhile
// is missed.
func TestFollowGoesOn(t *testing.T) {
	s, _ := newTestServer(t)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := c.Put(ctx, api.Ref{Kind: api.KindSite, Name: "rome"}, []byte(romeBody), client.Condition{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for e, err := range c.Follow(ctx, "0.0") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			break
		}
		if want := []string{"", "created", "changed", "changed", "changed"}[n]; string(e.Kind) != want {
			t.Errorf("%d: %+v", n, e)
		}
		server.CloseClientConnections()
		patch := fmt.Sprintf(`{"max_mappings":%d}`, n)
		for tries := 0; ; tries++ { // the connection of this one may be hung up, too
			if _, err := c.Patch(ctx, api.Ref{Kind: api.KindSite, Name: "rome"}, []byte(patch), client.Condition{}); err == nil {
				break
			} else if tries > 20 {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if n != 5 {
		t.Errorf("%d events", n)
	}
}

func TestFollowRefused(t *testing.T) {
	s, _ := newTestServer(t)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Follow(t.Context(), "no id") {
		if err == nil || !strings.Contains(err.Error(), "is no id of an event") {
			t.Errorf("%v", err)
		}
	}
	server.Close()
	for _, err := range c.Follow(t.Context(), "") {
		if err == nil || !strings.Contains(err.Error(), "nothing listens there") {
			t.Errorf("%v", err)
		}
	}
}
