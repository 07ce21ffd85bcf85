package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/northbound/api"
)

// mapServer is `corecast controller` in a namespace of its own, asked over its
// REST API what it knows.
type mapServer struct {
	*node
	dir     string // its /tmp: configuration and store
	sites   []siteConfig
	process *process
	client  http.Client // dials within the namespace
}

// siteConfig is a site as the server is told of it.
type siteConfig struct {
	name   string
	places []place // of one instance
	key    string
	replay string
}

const (
	httpAddress = "127.0.0.1:8080"
	startLimit  = 15 * time.Second
)

func newMapServer(t *testing.T, n *node) *mapServer {
	s := &mapServer{node: n, dir: t.TempDir()}
	s.client = http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			err = n.Do(func() error {
				conn, err = new(net.Dialer).DialContext(ctx, network, address)
				return err
			})
			return conn, err
		},
	}}
	return s
}

// buildCorecast compiles the program into a directory that servers see.
func buildCorecast(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corecast")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/corecast/corecast/cmd/corecast").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// configure writes the server's configuration and puts the program beside it.
func (s *mapServer) configure(t *testing.T, binary string, sites []siteConfig) {
	t.Helper()
	s.sites = sites
	var b strings.Builder
	b.WriteString("listen:\n  lisp:\n")
	for _, a := range s.rlocs {
		fmt.Fprintf(&b, "    - %q\n", netip.AddrPortFrom(a, lisp.ControlPort))
	}
	fmt.Fprintf(&b, "  http: %q\nstore: \"file:/tmp/corecast.db\"\nsites:\n", httpAddress)
	for _, c := range sites {
		fmt.Fprintf(&b, "  - name: %s\n    instance_id: %d\n    eid_prefixes:\n", c.name, c.places[0].instance)
		for _, p := range c.places {
			for _, e := range p.eids() {
				fmt.Fprintf(&b, "      - %q\n", e.Prefix)
			}
		}
		if c.replay != "" {
			fmt.Fprintf(&b, "    replay: %q\n", c.replay)
		}
		// OOR has the 16-bit key id of RFC 6830: key id 0, algorithm 1.
		fmt.Fprintf(&b, "    auth_keys: [ { id: 0, algorithm: hmac-sha1-96, secret: %q } ]\n", c.key)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "corecast.yaml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(binary, filepath.Join(s.dir, "corecast")); err != nil {
		t.Fatal(err)
	}
}

// run starts the server, or starts it again on what it stored.
func (s *mapServer) run(t *testing.T) {
	t.Helper()
	s.process = s.start(t, s.dir, "/tmp/corecast", "controller", "--config", "/tmp/corecast.yaml")
	within(t, startLimit, func() string {
		if ended := s.process.ended(); ended != "" {
			t.Fatal(ended)
		}
		response, err := s.client.Get("http://" + httpAddress + "/readyz")
		if err != nil {
			return err.Error()
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return "/readyz answers " + response.Status
		}
		return ""
	})
}

// kill ends the server without its knowing.
func (s *mapServer) kill(t *testing.T) {
	t.Helper()
	if ended := s.process.ended(); ended != "" {
		t.Fatal(ended)
	}
	s.process.end(syscall.SIGKILL)
}

// get reads an object of the REST API.
func (s *mapServer) get(t *testing.T, path string, into any) {
	t.Helper()
	response, err := s.client.Get("http://" + httpAddress + "/api/v1/" + path)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.process.ended())
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", path, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

// mapping returns the locators registered for exactly this EID-prefix; nil if
// nothing is.
func (s *mapServer) mapping(t *testing.T, e lisp.EID) []netip.Addr {
	t.Helper()
	var mappings api.Mappings
	s.get(t, "mappings", &mappings)
	for _, m := range mappings.Items {
		if (lisp.EID{InstanceID: m.InstanceID, Prefix: m.EIDPrefix}) != e || m.Origin != "registered" {
			continue
		}
		var rlocs []netip.Addr
		for _, l := range m.Locators {
			rlocs = append(rlocs, netip.MustParseAddr(l.Address))
		}
		return rlocs
	}
	return nil
}

// rejects returns the last Map-Registers that a site's xTRs were refused,
// newest first.
func (s *mapServer) rejects(t *testing.T, site string) []api.Reject {
	t.Helper()
	var status api.Site
	s.get(t, "sites/"+site, &status)
	return status.LastRejects
}
