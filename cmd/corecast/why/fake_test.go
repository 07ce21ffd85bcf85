package why

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/corecast/corecast/cmd/corecast/trace"
	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// network is what a controller knows of examples/fig2.yaml, until a test changes it.
type network struct {
	cfg      *config.Config
	sources  []api.Source
	viewers  []api.Viewer
	mappings []api.Mapping
	channels []api.Channel
	drops    []api.Drops // of every switch, one after the other; the last is repeated
	held     map[string]api.Export
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	cfg, err := config.Load("../../../examples/fig2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Switches = cfg.Switches[:2] // the ITR and one ETR will do
	n := &network{cfg: cfg, drops: []api.Drops{{}}}
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		m := api.Mapping{EIDPrefix: s.EIDPrefixes[0], Site: s.Name, CoreCast: s.CoreCast}
		for _, r := range s.RLOCs {
			m.Locators = append(m.Locators, api.Locator{Address: r.Address.String()})
		}
		n.mappings = append(n.mappings, m)
	}
	for _, ch := range cfg.Channels {
		n.channels = append(n.channels, api.Channel{Name: ch.Name, Spec: ch, State: api.Ready})
	}
	n.sources = []api.Source{{Name: "studio-1"}}
	n.joins("10.1.0.11", "news")
	n.hold(t)
	return n
}

// joins gives a viewer a lease.
func (n *network) joins(eid, channel string) {
	n.viewers = append(n.viewers, api.Viewer{SourceViewer: api.SourceViewer{EID: netip.MustParseAddr(eid), Port: 5004}, Channel: channel, Source: "studio-1"})
}

// hold has the switches hold what the configuration asks for.
func (n *network) hold(t *testing.T) {
	t.Helper()
	if err := n.cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	switches, err := trace.Wanted(n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	schema, _, err := controller.Program()
	if err != nil {
		t.Fatal(err)
	}
	n.held = map[string]api.Export{}
	for _, sw := range switches {
		var x api.Export
		for _, set := range sw.Writes {
			w, err := schema.WriteRequest(set)
			if err != nil {
				t.Fatal(err)
			}
			x.WriteRequests = append(x.WriteRequests, prototext.Format(w))
		}
		n.held[sw.Spec.Name] = x
	}
}

// site is one of the configuration, to be changed before hold.
func (n *network) site(name string) *config.Site {
	return &n.cfg.Sites[slices.IndexFunc(n.cfg.Sites, func(s config.Site) bool { return s.Name == name })]
}

// serve answers as the controller of the network, as much as a walk asks for.
func (n *network) serve(t *testing.T) *client.Client {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(pattern string, of func(*http.Request) any) {
		mux.HandleFunc("GET /api/v1/"+pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			body := of(r)
			if body == nil {
				w.WriteHeader(http.StatusConflict)
				body = api.Error{Detail: r.URL.Path + " is not to be had"}
			}
			_ = json.NewEncoder(w).Encode(body) // the walk tells if it does not come
		})
	}
	answer("sources", func(*http.Request) any { return api.Sources{Items: n.sources} })
	answer("viewers", func(*http.Request) any { return api.Viewers{Items: n.viewers} })
	answer("mappings", func(*http.Request) any { return api.Mappings{Items: n.mappings} })
	answer("channels", func(*http.Request) any { return api.Channels{Items: n.channels} })
	answer("channels/{name}", func(r *http.Request) any {
		for _, ch := range n.channels {
			if ch.Name == r.PathValue("name") {
				return ch
			}
		}
		return nil
	})
	answer("switches", func(*http.Request) any {
		var list api.Switches
		for _, sw := range n.cfg.Switches {
			list.Items = append(list.Items, api.Switch{Name: sw.Name, Spec: sw})
		}
		return list
	})
	answer("switches/{name}/export", func(r *http.Request) any {
		if x, ok := n.held[r.PathValue("name")]; ok {
			return x
		}
		return nil
	})
	looks := map[string]int{}
	answer("drops", func(r *http.Request) any {
		name := r.URL.Query().Get("switch")
		d := n.drops[min(looks[name], len(n.drops)-1)]
		looks[name]++
		return d
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
