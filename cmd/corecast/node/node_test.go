package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch"
	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/softswitch/port"
	"github.com/corecast/corecast/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what any step of a test takes.
const patience = 30 * time.Second

const secret = "studio secret"

// decode reads a configuration whose Map-Server and REST API listen anywhere.
func decode(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Decode("test.yaml", []byte("listen: { lisp: [\"127.0.0.1:0\"], http: \"127.0.0.1:0\" }\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start runs a node until the test ends or stop is called.
func start(t *testing.T, cfg *config.Config) (n *Node, stop func()) {
	t.Helper()
	return startWith(t, cfg, Options{Version: "test"})
}

func startWith(t *testing.T, cfg *config.Config, opts Options) (n *Node, stop func()) {
	t.Helper()
	n, err := Open(t.Context(), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return n, stop
}

// ask asks the REST API.
func ask[T any](t *testing.T, n *Node, path string) (answer T) {
	t.Helper()
	resp, err := http.Get(n.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
	return answer
}

// xtrs counts those that newXTR has run.
var xtrs atomic.Uint32

// newXTR runs an xTR with the key of site studio, at an address of loopback of its
// own: Map-Notifies come to port 4342.
func newXTR(t *testing.T, n *Node) *client.XTR {
	t.Helper()
	pid := os.Getpid()
	rloc := netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(xtrs.Add(1))})
	x, err := client.NewXTR(client.XTRConfig{
		RLOC: netip.AddrPortFrom(rloc, lisp.ControlPort), MapServer: n.MapServerAddresses()[0],
		KeyID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte(secret), ProxyReply: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return x
}

func register(t *testing.T, x *client.XTR, records ...lisp.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := x.Register(ctx, records...); err != nil {
		t.Fatal(err)
	}
}

func eid(prefix string) lisp.EID { return lisp.EID{Prefix: netip.MustParsePrefix(prefix)} }

// until waits for what must become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s never happened", what)
		}
	}
}

const studio = `
sites:
  - name: studio
    eid_prefixes: [10.0.0.0/16]
    accept_more_specifics: true
    auth_keys: [ { id: 1, algorithm: hmac-sha256-128, secret: "` + secret + `" } ]
`

func TestRegistrationsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	cfg := decode(t, "store: \"file:"+path+"\"\n"+studio)
	n, stop := start(t, cfg)
	register(t, newXTR(t, n), client.Mapping(eid("10.0.7.0/24"), netip.MustParseAddr("192.0.2.7")))
	before := ask[api.Mappings](t, n, "/api/v1/mappings").Items
	stop()

	n, stop = start(t, cfg)
	after := ask[api.Mappings](t, n, "/api/v1/mappings").Items
	if len(before) != 1 || len(after) != 1 || after[0].EIDPrefix != before[0].EIDPrefix || after[0].Locators[0] != before[0].Locators[0] {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	st := ask[api.Status](t, n, "/api/v1/status")
	if !st.OK || st.Store.Name != cfg.Store || st.Sites.Registered != 1 {
		t.Errorf("%+v", st)
	}
	stop()

	s, err := store.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	floor := uint64(time.Now().Add(time.Hour).UnixNano())
	if id, err := store.Next(t.Context(), s, electionKey, floor); err != nil || id != floor {
		t.Errorf("the next election id is %d, %v: not of a clock", id, err)
	}
	if e, err := s.Get(t.Context(), electionKey); err != nil || e.Created == e.Modified {
		t.Errorf("the election id was not counted: %+v, %v", e, err)
	}
}

// TestElectionIDsGrow even if the clock is set back.
func TestElectionIDsGrow(t *testing.T) {
	n := &Node{store: store.NewMemory()}
	defer n.store.Close()
	future := uint64(time.Now().Add(time.Hour).UnixNano())
	if _, err := store.Next(t.Context(), n.store, electionKey, future); err != nil {
		t.Fatal(err)
	}
	for want := future + 1; want < future+4; want++ {
		if id, err := n.electionID(t.Context()); err != nil || id.Low != want || id.High != 0 {
			t.Errorf("election id %v, %v; want %d", id, err, want)
		}
	}
}

// startSwitches starts a softswitch for each of a configuration, and points it
// there. It returns the far ends of their first ports.
func startSwitches(t *testing.T, cfg *config.Config) map[string]port.Port {
	cables := map[string]port.Port{}
	for i := range cfg.Switches {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		sw, err := softswitch.New(softswitch.Config{DeviceID: cfg.Switches[i].DeviceID, CPUPort: build.CPUPort, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		near, far := link.New(link.Options{})
		if err := sw.AddPort(1, near); err != nil {
			t.Fatal(err)
		}
		cables[cfg.Switches[i].Name] = far
		cfg.Switches[i].Address = l.Addr().String()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := sw.Serve(ctx, l); err != nil {
				t.Error(err)
			}
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	return cables
}

// TestSwitchesFollowRegistrations: a site's xTR moves, and only what that
// changes is written to the switches.
func TestSwitchesFollowRegistrations(t *testing.T) {
	cfg, err := config.Load("../../../examples/fig2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen.LISP, cfg.Listen.HTTP = []string{"127.0.0.1:0"}, "127.0.0.1:0"
	viewers := cfg.FindSite("viewers-1")
	viewers.AuthKeys = []config.AuthKey{{ID: 1, Algorithm: "hmac-sha256-128", Secret: secret}}
	startSwitches(t, cfg)
	n, _ := start(t, cfg)
	until(t, "all switches ready", func() bool { return n.Status().Ready() })
	before := updates(n)

	x := newXTR(t, n)
	moved := client.Mapping(eid("10.1.0.0/16"), netip.MustParseAddr("192.0.2.99"))
	register(t, x, moved)
	// The new RLOC, the mapping, the old RLOC; etr-1 is there itself.
	want := map[string]uint64{"itr": 3, "etr-1": 0, "etr-2": 3, "etr-3": 3}
	until(t, "the new RLOC on the switches", func() bool { return equal(updates(n), before, want) && n.Status().Ready() })

	// What does not change is not written again.
	register(t, x, moved)
	// And back: what is configured holds again. Were anything else written
	// meanwhile, the counts would show.
	register(t, x, client.Withdrawal(eid("10.1.0.0/16")))
	for name := range want {
		want[name] *= 2
	}
	until(t, "the configured RLOC on the switches", func() bool { return equal(updates(n), before, want) && n.Status().Ready() })
}

// updates are how many have been written to each switch.
func updates(n *Node) map[string]uint64 {
	counts := map[string]uint64{}
	for _, sw := range n.Status().Switches {
		counts[sw.Name] = sw.Updates
	}
	return counts
}

func equal(now, before, more map[string]uint64) bool {
	for name := range now {
		if now[name]-before[name] != more[name] {
			return false
		}
	}
	return len(now) > 0
}

// TestApply gives a running node switches, moves a site, and takes all away.
func TestApply(t *testing.T) {
	load := func() *config.Config {
		cfg, err := config.Load("../../../examples/fig2.yaml")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Listen.LISP, cfg.Listen.HTTP = []string{"127.0.0.1:0"}, "127.0.0.1:0"
		return cfg
	}
	full, sitesOnly := load(), load()
	startSwitches(t, full)
	sitesOnly.Switches, sitesOnly.Channels = nil, nil
	n, _ := start(t, sitesOnly)
	apply := func(cfg *config.Config) {
		t.Helper()
		if err := n.Apply(cfg); err != nil {
			t.Fatal(err)
		}
	}
	apply(full)
	until(t, "four switches ready", func() bool { return len(n.Status().Switches) == 4 && n.Status().Ready() })

	moved := *full
	moved.Sites = slices.Clone(full.Sites)
	moved.FindSite("viewers-1").RLOCs = []config.RLOC{{Address: netip.MustParseAddr("192.0.2.99"), Priority: 1, Weight: 100}}
	apply(&moved)
	until(t, "the new RLOC", func() bool {
		m := ask[api.Mappings](t, n, "/api/v1/mappings?eid=10.1.0.1").Items
		return len(m) == 1 && m[0].Locators[0].Address == "192.0.2.99" && n.Status().Ready()
	})

	elsewhere := moved
	elsewhere.Store = "file:elsewhere.db"
	if err := n.Apply(&elsewhere); err == nil || !strings.Contains(err.Error(), "store has changed") {
		t.Errorf("another store: %v", err)
	}
	apply(sitesOnly)
	if st := ask[api.Status](t, n, "/api/v1/status"); st.Switches.Total != 0 || st.Sites.Total != 4 {
		t.Errorf("%+v", st)
	}
}

func TestOpenSaysWhatIsInTheWay(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenHTTP, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer takenHTTP.Close()
	held, err := store.OpenFile(filepath.Join(dir, "held.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	tests := []struct {
		name   string
		change func(*config.Config)
		want   []string
	}{
		{"LISP address", func(c *config.Config) { c.Listen.LISP = []string{taken.LocalAddr().String()} }, []string{taken.LocalAddr().String(), "in use"}},
		{"HTTP address", func(c *config.Config) { c.Listen.HTTP = takenHTTP.Addr().String() }, []string{takenHTTP.Addr().String(), "in use"}},
		{"not loopback", func(c *config.Config) { c.Listen.HTTP = "0.0.0.0:0" }, []string{"give tls and auth"}},
		{"store", func(c *config.Config) { c.Store = "file:" + filepath.Join(dir, "held.db") }, []string{"held.db", "another process"}},
		{"etcd", func(c *config.Config) { c.Store = "etcd://127.0.0.1:1/corecast" }, []string{"etcd://127.0.0.1:1", "no answer"}},
		{"algorithm", func(c *config.Config) { c.Sites[0].AuthKeys[0].Algorithm = "md5" }, []string{"sites[0].auth_keys[0].algorithm", "md5"}},
	}
	for _, tt := range tests {
		cfg := decode(t, "store: \"file:"+filepath.Join(dir, "free.db")+"\"\n"+studio)
		tt.change(cfg)
		n, err := Open(t.Context(), cfg, Options{})
		if err == nil {
			n.Close()
		}
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", tt.name, err, want)
			}
		}
		// All that was opened before is free again.
		cfg = decode(t, "store: \"file:"+filepath.Join(dir, "free.db")+"\"\n"+studio)
		if n, err = Open(t.Context(), cfg, Options{}); err != nil {
			t.Fatalf("after %s: %v", tt.name, err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// TestNothingToListenOn: a node without addresses runs, and ends.
func TestNothingToListenOn(t *testing.T) {
	cfg, err := config.Decode("test.yaml", []byte(strings.TrimSpace(studio)))
	if err != nil {
		t.Fatal(err)
	}
	n, stop := start(t, cfg)
	if n.URL() != "" || n.MapServerAddresses() != nil {
		t.Errorf("it listens on %q, %v", n.URL(), n.MapServerAddresses())
	}
	stop()
}

func TestSites(t *testing.T) {
	cfg := decode(t, `
map_server: { upstream: ["198.51.100.1:4342"], max_ttl: 12h, request_rate: 1000, register_rate: 5000 }
sites:
  - name: studio
    instance_id: 7
    eid_prefixes: [10.0.0.0/16, "2001:db8:1::/48"]
    rlocs: [ { address: 192.0.2.10, priority: 2, weight: 50 } ]
    accept_more_specifics: true
    proxy_reply: true
    corecast: true
    allowed_rlocs: [192.0.2.0/24]
    replay: strict
    registration_timeout: 90s
    max_mappings: 1000
    auth_keys:
      - { id: 1, algorithm: hmac-sha1-96, secret: a }
      - { id: 2, algorithm: hmac-sha256-128, secret: b }
      - { id: 3, algorithm: hmac-sha256-128-hkdf, secret: c }
  - name: monotonic
    eid_prefixes: [10.1.0.0/16]
  - name: random
    eid_prefixes: [10.2.0.0/16]
    replay: "off"
`)
	list, err := sites(cfg)
	if err != nil || len(list) != 3 {
		t.Fatalf("%d sites, %v", len(list), err)
	}
	got := fmt.Sprintf("%+v", list)
	want := "[{Name:studio InstanceID:7 EIDPrefixes:[10.0.0.0/16 2001:db8:1::/48] AcceptMoreSpecifics:true " +
		"RLOCs:[{Address:192.0.2.10 Priority:2 Weight:50}] AllowedLocators:[192.0.2.0/24] ProxyReply:true CoreCast:true Deny:false " +
		"Keys:[{ID:1 Algorithm:" + fmt.Sprint(lisp.AlgorithmSHA1) + " Secret:[97]} {ID:2 Algorithm:" + fmt.Sprint(lisp.AlgorithmSHA256) +
		" Secret:[98]} {ID:3 Algorithm:" + fmt.Sprint(lisp.AlgorithmSHA256HKDF) + " Secret:[99]}] Replay:strict MaxMappings:1000 Timeout:1m30s} "
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s…", got, want)
	}
	if list[1].Replay.String() != "monotonic" || list[2].Replay.String() != "off" {
		t.Errorf("replay %v, %v", list[1].Replay, list[2].Replay)
	}
	o := options(cfg)
	if !slices.Equal(o.Upstream, cfg.MapServer.Upstream) || o.MaxTTL != 12*time.Hour || o.RequestRate != 1000 || o.RegisterRate != 5000 {
		t.Errorf("%+v", o)
	}
}
