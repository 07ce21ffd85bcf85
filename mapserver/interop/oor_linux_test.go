package interop

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// oorBinary is what has to be on PATH.
const oorBinary = "oor"

// xtrConfig is what an xTR registers, and how.
type xtrConfig struct {
	places     []place
	key        string
	proxyReply bool // asks the Map-Server to reply for it
}

// text writes it as OOR's configuration file: libconfuse wants one option a
// line.
func (c *xtrConfig) text(n *network) string {
	var b strings.Builder
	fmt.Fprintf(&b, `operating-mode = xTR
encapsulation = LISP
debug = 1
map-request-retries = 3
nat_traversal_support = off
rloc-probing {
  rloc-probe-interval = 0
}
map-resolver = { %s }
map-server {
  address = %v
  key-type = 1
  key = "%s"
  proxy-reply = %t
}
`, joined(n.server.rlocs), n.server.rlocs[0], c.key, c.proxyReply)
	for _, p := range c.places {
		for _, e := range p.eids() {
			fmt.Fprintf(&b, "database-mapping {\n  eid-prefix = %v\n  iid = %d\n  ttl = 10\n", e.Prefix, e.InstanceID)
			for _, f := range n.families {
				fmt.Fprintf(&b, `  rloc-iface {
    interface = rloc
    ip_version = %d
    priority = 1
    weight = 100
  }
`, f)
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}

func joined(addresses []netip.Addr) string {
	var texts []string
	for _, a := range addresses {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}

// startXTR starts OOR as the site's xTR. It registers about 3 s later.
func (s *site) startXTR(t *testing.T, c xtrConfig) {
	t.Helper()
	file := filepath.Join(s.dir, "oor.conf")
	if err := os.WriteFile(file, []byte(c.text(s.network)), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{oorBinary, "-f", "/tmp/oor.conf"}
	if len(s.network.families) == 1 {
		arguments = append(arguments, "-a", fmt.Sprint(int(s.network.families[0])))
	}
	s.oor = s.xtr.start(t, s.dir, arguments...)
}

// killXTR ends the xTR without its knowing, as a power cut would: nothing
// remains in its kernel either.
func (s *site) killXTR(t *testing.T) {
	t.Helper()
	if ended := s.oor.ended(); ended != "" {
		t.Fatal(ended)
	}
	s.oor.end(syscall.SIGKILL)
	for _, f := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		rules, err := s.xtr.links.RuleList(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules {
			if rule.Priority == 0 || rule.Priority >= 32766 { // the kernel's own
				continue
			}
			rule.Family = f
			if err := s.xtr.links.RuleDel(&rule); err != nil {
				t.Fatalf("remove rule %v of %s: %v", rule, s.xtr.name, err)
			}
		}
	}
}
