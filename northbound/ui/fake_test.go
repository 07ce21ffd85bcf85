package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/northbound/live"
	"github.com/corecast/corecast/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// fake is a Source, and what a Sampler counts; the desired state is real.
type fake struct {
	*inventory.Inventory
	log     *eventlog.Log
	noStore bool
	// What other nodes have, and sources report.
	nodes     []api.Node
	masters   map[string]string // by switch
	audiences map[string]*Audience
	silent    string // a switch whose counters cannot be read

	mu       sync.Mutex // guards what follows
	cfg      *config.Config
	status   api.Status
	payloads uint64
}

const testConfig = `
sites:
  - { name: studio, eid_prefixes: [10.0.0.0/16], reserved_eids: 10.0.255.0/24, rlocs: [ { address: 192.0.2.10 } ], corecast: true }
  - { name: viewers, eid_prefixes: [10.1.0.0/16], rlocs: [ { address: 192.0.2.21 } ], corecast: true, accept_streams: known }
switches:
  - { name: itr, address: "127.0.0.1:9559", device_id: 1, target: softswitch, site: studio,
      ports: [ { id: 1, role: local, address: 10.0.0.1/24 }, { id: 2, role: transit, address: 192.0.2.10/24 } ] }
  - { name: etr, address: "127.0.0.1:9560", device_id: 2, target: softswitch, site: viewers,
      ports: [ { id: 1, role: local, address: 10.1.0.1/24 }, { id: 2, role: transit, address: 192.0.2.21/24 } ] }
channels:
  - { name: news, site: studio, source_eid: 10.0.0.10, ingress: { switch: itr, port: 1 }, rate: 4Mbps }
`

// newTest makes a UI of a fake, and what serves it.
func newTest(t testing.TB) (*UI, *fake, http.Handler) {
	t.Helper()
	cfg, err := config.Decode("test.yaml", []byte(strings.TrimSpace(testConfig)))
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	f := &fake{cfg: cfg, status: api.Status{OK: true, Switches: api.SwitchCounts{Total: 2, Ready: 2}}}
	s := store.NewMemory()
	if f.log, err = eventlog.Open(t.Context(), s, eventlog.Options{}); err != nil {
		t.Fatal(err)
	}
	f.Inventory, err = inventory.Open(t.Context(), cfg, inventory.Options{Store: s, Durable: true, Log: f.log, Apply: f.apply})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { _ = f.Run(ctx) })
	wg.Go(func() { _ = f.log.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		s.Close()
	})
	u := New(Options{Source: f, Sampler: live.New(f), Version: "test"})
	u.first, u.every = time.Millisecond, 5*time.Millisecond
	mux := http.NewServeMux()
	u.Register(mux)
	return u, f, as(auth.Operator, mux)
}

// create makes a channel, and waits until it is in force.
func create(t testing.TB, f *fake, h http.Handler, name, source string) {
	t.Helper()
	if w := post(h, "/new/channel", "lists=true&name="+name+"&site=studio&ingress=itr+1&source_eid="+source); w.Code != http.StatusSeeOther {
		t.Fatalf("%s was not created: %d", name, w.Code)
	}
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// as has somebody with a role ask.
func as(role auth.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{Name: "ann", Role: role, Method: auth.ByToken})))
	})
}

func (f *fake) apply(cfg *config.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cfg = cfg
	return nil
}

func (f *fake) Config() *config.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cfg
}

func (f *fake) Status() api.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *fake) Switches() (list []controller.SwitchStatus) {
	for _, sw := range f.Config().Switches {
		list = append(list, controller.SwitchStatus{Name: sw.Name, Address: sw.Address, Master: f.masters[sw.Name], Phase: controller.Ready, Since: start, Wanted: 1234, Installed: 1234})
	}
	return list
}

func (f *fake) Tables(string) []controller.TableUse {
	return []controller.TableUse{{Table: "ports", Wanted: 2, Size: 512}, {Table: "eids4", Wanted: 100_000, Size: 131072}, {Table: "eids6", Size: 131072}}
}

func (f *fake) Objects(kind controller.Kind, name string) (list []controller.ObjectStatus) {
	for _, ch := range f.Config().Channels {
		if kind == controller.KindChannel && (name == "" || name == ch.Name) {
			list = append(list, controller.ObjectStatus{Object: controller.Object{Kind: kind, Name: ch.Name}, Switch: "itr", State: controller.Installed, Wanted: 2, Installed: 2})
		}
	}
	return list
}

func (f *fake) Sites() (list []api.SiteSummary) {
	for _, s := range f.Config().Sites {
		site, _ := f.Site(s.Name)
		list = append(list, site.SiteSummary)
	}
	return list
}

func (f *fake) Site(name string) (api.Site, bool) {
	s := f.Config().FindSite(name)
	if s == nil {
		return api.Site{}, false
	}
	last := api.Reject{Time: start, From: netip.MustParseAddrPort("192.0.2.66:4342"), Cause: "hmac", Count: 3, Reason: "HMAC does not match key id 1 of site " + name}
	site := api.Site{SiteSummary: api.SiteSummary{Name: name, Mappings: 1, Registers: 7, LastRegister: &start, Rejects: 3, LastReject: &last}, LastRejects: []api.Reject{last}}
	for _, p := range s.EIDPrefixes {
		site.EIDPrefixes = append(site.EIDPrefixes, api.EIDPrefix{Prefix: p})
	}
	page, _ := f.Mappings(MappingQuery{Site: name})
	site.Registered = page.Items
	return site, true
}

func (f *fake) Mappings(q MappingQuery) (api.Mappings, error) {
	if q.EID == "nonsense" {
		return api.Mappings{}, errors.New(`eid "nonsense" is not an EID: give an address or a prefix`)
	}
	m := api.Mapping{EIDPrefix: netip.MustParsePrefix("10.1.0.0/24"), Site: q.Site, Origin: "registered", TTL: 86400, Locators: []api.Locator{{Address: "192.0.2.21", Priority: 1, Weight: 100}},
		Registrations: []api.Registration{{From: netip.MustParseAddr("192.0.2.21"), Refreshed: start}}}
	return api.Mappings{Items: []api.Mapping{m}, NextCursor: "more"}, nil
}

func (f *fake) Events(n int) ([]eventlog.Entry, bool) { return f.log.Tail(n), false }

func (f *fake) Nodes() []api.Node { return f.nodes }

func (f *fake) Audiences() map[string]*Audience { return f.audiences }

func (f *fake) Durable() bool { return !f.noStore }

func (f *fake) Object(ref inventory.Ref) (inventory.Object, bool) { return f.Get(ref) }

func (f *fake) Difference(*config.Config) ([]controller.Preview, error) {
	return []controller.Preview{{Switch: "itr", Updates: []p4rt.Update{{Op: p4rt.Insert}, {Op: p4rt.Modify}}}}, nil
}

// ChannelLoad counts as if every reading came ten payloads later.
func (f *fake) ChannelLoad(_ context.Context, name string) (controller.ChannelLoad, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := f.cfg.FindChannel(name)
	if ch == nil {
		return controller.ChannelLoad{}, fmt.Errorf("no channel %q", name)
	}
	if ch.Ingress.Switch == f.silent {
		return controller.ChannelLoad{ITR: f.silent}, errors.New("connection refused")
	}
	f.payloads += 10
	p, rloc := f.payloads, netip.MustParseAddr("192.0.2.21")
	return controller.ChannelLoad{ITR: ch.Ingress.Switch,
		Pairs: []controller.PairLoad{{Pair: ch.Pairs()[0], RLOCs: map[netip.Addr]controller.Sent{rloc: {Headers: 2 * p, Copies: p}},
			Events: map[string]p4rt.Count{"payload": {Packets: p, Bytes: 1370 * p}, "header": {Packets: 2 * p, Bytes: 120 * p}, "copy": {Packets: p}}}},
		Streams: []controller.StreamLoad{{Switch: "etr", Site: "viewers", RLOCs: []netip.Addr{rloc},
			Events: map[string]p4rt.Count{"payload": {Packets: p}, "header": {Packets: 2 * p}, "expanded": {Packets: 2 * p}}}}}, nil
}

func (f *fake) Drops(_ context.Context, name string) (map[string]p4rt.Count, error) {
	if name == f.silent {
		return nil, fmt.Errorf("switch %s: connection refused", name)
	}
	return map[string]p4rt.Count{"not_ip": {Packets: 3}}, nil
}

func (f *fake) Punts(context.Context, string) (map[string]p4rt.Count, error) { return nil, nil }

// get answers a request.
func get(h http.Handler, target string) *httptest.ResponseRecorder {
	return ask(h, httptest.NewRequest(http.MethodGet, target, nil))
}

func post(h http.Handler, target, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return ask(h, r)
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
