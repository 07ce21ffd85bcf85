package northbound

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/store"
)

// fakeMapServer answers what a test put into it.
type fakeMapServer struct {
	mappings []mapserver.Mapping
	sites    []mapserver.SiteStatus
	counters mapserver.Counters
	rejects  []mapserver.Reject
}

func (f *fakeMapServer) Mappings(want mapserver.MappingFilter) []mapserver.Mapping {
	var found []mapserver.Mapping
	passed := want.After == nil
	for _, m := range f.mappings {
		if passed && (want.Site == "" || want.Site == m.Site) && (want.InstanceID == nil || *want.InstanceID == m.EID.InstanceID) &&
			(!want.Within.IsValid() || want.Within.Overlaps(m.EID.Prefix)) && len(found) < want.Limit {
			found = append(found, m)
		}
		passed = passed || m.EID == *want.After
	}
	return found
}

func (f *fakeMapServer) Sites() []mapserver.SiteStatus { return f.sites }

func (f *fakeMapServer) Site(name string) (mapserver.SiteStatus, bool) {
	for _, s := range f.sites {
		if s.Name == name {
			return s, true
		}
	}
	return mapserver.SiteStatus{}, false
}

func (f *fakeMapServer) Counters() mapserver.Counters { return f.counters }
func (f *fakeMapServer) Rejects() []mapserver.Reject  { return f.rejects }

type fakeEndpoint struct{ stats udp.Stats }

func (*fakeEndpoint) Addresses() []netip.AddrPort {
	return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:4342"), netip.MustParseAddrPort("[::1]:4342")}
}
func (f *fakeEndpoint) Stats() udp.Stats { return f.stats }

// fakeController tells what a test put into it; what it previews is real.
type fakeController struct {
	*controller.Controller
	status controller.Status
	loads  map[string]controller.SwitchLoad
}

func (f *fakeController) Status() controller.Status { return f.status }

func (f *fakeController) SwitchLoad(_ context.Context, name string, _ int) (controller.SwitchLoad, error) {
	load, ok := f.loads[name]
	if !ok {
		return load, errors.New("it does not answer")
	}
	return load, nil
}

func (f *fakeController) Export(string) (controller.Writes, error) {
	rid := p4rt.Replica{Port: 1, Instance: 2}
	return controller.Writes{{{Op: p4rt.Insert, Object: &p4rt.Group{ID: 7, Replicas: []p4rt.Replica{rid}}}}}, nil
}

func (f *fakeController) ExportHeld(context.Context, string) (controller.Writes, error) {
	return nil, errors.New("not connected")
}

func (*fakeController) ChannelLoad(context.Context, string) (controller.ChannelLoad, error) {
	return controller.ChannelLoad{ITR: "itr"}, nil
}

func (*fakeController) Drops(context.Context, string) (map[string]p4rt.Count, error) {
	return map[string]p4rt.Count{"not_ip": {Packets: 3, Bytes: 180}}, nil
}

func (*fakeController) Punts(context.Context, string) (map[string]p4rt.Count, error) {
	return map[string]p4rt.Count{}, nil
}

func (*fakeController) Tables(string) []controller.TableUse {
	return []controller.TableUse{{Table: "ports", Wanted: 2, Size: 512}}
}

func (*fakeController) Objects(controller.Kind, string) []controller.ObjectStatus { return nil }

type fakeCluster struct {
	nodes []cluster.Member
	err   error
}

func (f *fakeCluster) Self() cluster.Member    { return f.nodes[0] }
func (f *fakeCluster) Nodes() []cluster.Member { return f.nodes }
func (f *fakeCluster) Err() error              { return f.err }

// fakes are what a Server of a test asks.
type fakes struct {
	mapServer  *fakeMapServer
	endpoint   *fakeEndpoint
	controller *fakeController
	store      store.Store // of what is desired
	feed       error
}

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

const testConfig = `
listen: { lisp: ["127.0.0.1:4342"], http: "127.0.0.1:8080" }
store: "file:corecast.db"
switches:
  - { name: itr, address: "127.0.0.1:9559", device_id: 1, site: studio, ports: [ { id: 1, role: local, address: 10.0.0.1/24 } ] }
sites:
  - name: studio
    eid_prefixes: [10.0.0.0/16]
    rlocs: [ { address: 192.0.2.10 } ]
    corecast: true
    auth_keys: [ { id: 1, algorithm: hmac-sha256-128, secret: "do not tell" } ]
  - name: viewers
    instance_id: 7
    eid_prefixes: [10.1.0.0/16, "2001:db8:1::/48"]
    allowed_rlocs: [192.0.2.0/24]
    replay: off
    auth_keys: [ { id: 2, algorithm: hmac-sha1-96, secret: "do not tell" } ]
`

// newTestServer serves two sites; viewers has 5 registered mappings.
func newTestServer(t testing.TB) (*Server, *fakes) {
	t.Helper()
	cfg, err := config.Decode("test.yaml", []byte(strings.TrimSpace(testConfig)))
	if err != nil {
		t.Fatal(err)
	}
	real, err := controller.New(cfg, controller.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakes{mapServer: &fakeMapServer{}, endpoint: &fakeEndpoint{}, controller: &fakeController{Controller: real}, store: store.NewMemory()}
	f.controller.status.Switches = []controller.SwitchStatus{{Name: "itr", Address: "127.0.0.1:9559", Phase: controller.Ready, Wanted: 3, Installed: 3}}
	f.mapServer.mappings = append(f.mapServer.mappings, mapserver.Mapping{
		EID: lisp.EID{Prefix: netip.MustParsePrefix("10.0.0.0/16")}, Site: "studio", Origin: mapserver.OriginStatic,
		Locators: []lisp.Locator{locator("192.0.2.10")}, TTL: 24 * time.Hour, Proxy: true, CoreCast: true,
	})
	for i := range 5 {
		f.mapServer.mappings = append(f.mapServer.mappings, registered(byte(i)))
	}
	f.mapServer.sites = []mapserver.SiteStatus{
		{Name: "studio", EIDPrefixes: []mapserver.PrefixStatus{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}},
		{Name: "viewers", InstanceID: 7, Mappings: 5, LastRegister: start, Registers: 9, Records: 12, Rejected: map[string]uint64{"hmac": 3, "replay": 0},
			EIDPrefixes: []mapserver.PrefixStatus{{Prefix: netip.MustParsePrefix("10.1.0.0/16"), MoreSpecifics: 5}, {Prefix: netip.MustParsePrefix("2001:db8:1::/48")}},
			LastRejects: []mapserver.Reject{{Time: start.Add(-time.Minute), From: netip.MustParseAddrPort("192.0.2.66:4342"), Site: "viewers",
				EID: "10.1.0.0/16", Cause: "hmac", Reason: "HMAC does not match key id 2 of site viewers"}},
			XTRs: []mapserver.XTRStatus{{From: netip.MustParseAddrPort("192.0.2.21:4342"), XTR: lisp.XTR{ID: [16]byte{1}}, KeyID: 2, Last: start}}},
	}
	f.mapServer.counters = mapserver.Counters{Requests: 10, Replies: 9, Registers: 9, Mappings: 5, Static: 1, Dropped: map[string]uint64{"hmac": 3, "malformed": 2}}
	inv, log := newInventory(t, cfg, f.store, f.controller.Apply)
	s := New(Options{
		Config: inv.Config, Inventory: inv, Events: log, Controller: f.controller, MapServer: f.mapServer, Endpoint: f.endpoint,
		FeedError: func() error { return f.feed }, Version: "test", Started: start,
	})
	return s, f
}

// newInventory makes one that is kept in a store, and runs until the test ends.
func newInventory(t testing.TB, cfg *config.Config, kept store.Store, apply func(*config.Config) error) (*inventory.Inventory, *eventlog.Log) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log, err := eventlog.Open(ctx, kept, eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Open(ctx, cfg, inventory.Options{Store: kept, Durable: true, Log: log, Apply: apply})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = log.Run(ctx) })
	wg.Go(func() { _ = inv.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); kept.Close() })
	return inv, log
}

func registered(n byte) mapserver.Mapping {
	l := []lisp.Locator{locator("192.0.2.21")}
	return mapserver.Mapping{
		EID:  lisp.EID{InstanceID: 7, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, n, 0}), 24)},
		Site: "viewers", Origin: mapserver.OriginRegistered, Locators: l, TTL: time.Hour,
		Registrations: []mapserver.Registration{{From: netip.MustParseAddr("192.0.2.21"), XTR: lisp.XTR{ID: [16]byte{1}, Site: [8]byte{2}},
			KeyID: 2, Since: start, Refreshed: start, Expires: start.Add(3 * time.Minute), Locators: l}},
	}
}

func locator(rloc string) lisp.Locator {
	return lisp.Locator{Address: lisp.Address{IP: netip.MustParseAddr(rloc)}, Priority: 1, Weight: 100, MPriority: 255, Local: true, Reachable: true}
}
