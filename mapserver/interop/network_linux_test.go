package interop

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// family is an address family, 4 or 6.
type family int

const (
	ipv4Family family = 4
	ipv6Family family = 6
)

func (f family) String() string { return fmt.Sprintf("IPv%d", int(f)) }

var families = []family{ipv4Family, ipv6Family}

// network is a core router with the Map-Server and the sites around it. RLOCs
// have the network's families, EIDs have both.
//
//	host 10.N.0.10 ── eid [xTR N] rloc ── link-N [core] link-9 ── rloc [Map-Server]
type network struct {
	families []family // of RLOCs
	core     *namespace
	server   *mapServer
	capture  *capture
}

// node is what is linked to the core: the Map-Server or an xTR.
type node struct {
	*namespace
	number int          // of its link
	rlocs  []netip.Addr // IPv4 first
}

// serverNumber is the link of the Map-Server.
const serverNumber = 9

// rlocPrefix is address host on link number, with the length of its prefix.
func rlocPrefix(f family, number, host int) netip.Prefix {
	if f == ipv4Family {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 255, byte(number), byte(host)}), 24)
	}
	return netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:ff:%x::%x", number, host)), 64)
}

// eidAddress is address host of EID prefix number, with the prefix's length.
func eidAddress(f family, number, host int) netip.Prefix {
	if f == ipv4Family {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(number), 0, byte(host)}), 24)
	}
	return netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", number, host)), 64)
}

const (
	gatewayHost = 1  // the router of a link or of an EID prefix
	xtrHost     = 2  // the xTR on its link to the core
	movedHost   = 3  // where the xTR goes when its RLOC changes
	viewerHost  = 10 // the host in an EID prefix
)

// newNetwork makes the core and the server's place; sites are added to it.
func newNetwork(t *testing.T, rlocs ...family) *network {
	n := &network{families: rlocs, core: newNamespace(t, "core")}
	n.capture = newCapture(t, n.core)
	n.server = newMapServer(t, n.addNode(t, "map-server", serverNumber))
	return n
}

// addNode links a new namespace to the core.
func (n *network) addNode(t *testing.T, name string, number int) *node {
	t.Helper()
	added := &node{namespace: newNamespace(t, name), number: number}
	link := fmt.Sprintf("link-%d", number)
	connect(t, n.core, link, added.namespace, "rloc")
	for _, f := range n.families {
		gateway, rloc := rlocPrefix(f, number, gatewayHost), rlocPrefix(f, number, xtrHost)
		n.core.addAddress(t, link, gateway)
		added.addAddress(t, "rloc", rloc)
		added.addDefaultRoute(t, "rloc", gateway.Addr())
		added.rlocs = append(added.rlocs, rloc.Addr())
	}
	return added
}

// place is an EID prefix number in an instance.
type place struct {
	instance uint32
	number   int
}

// eids returns the place's EID prefixes of both families.
func (p place) eids() []lisp.EID {
	var eids []lisp.EID
	for _, f := range families {
		eids = append(eids, p.eid(f))
	}
	return eids
}

func (p place) eid(f family) lisp.EID {
	return lisp.EID{InstanceID: p.instance, Prefix: eidAddress(f, p.number, 0).Masked()}
}

func (p place) host(f family) netip.Addr { return eidAddress(f, p.number, viewerHost).Addr() }

// site is an xTR and a host behind it.
type site struct {
	network *network
	name    string
	xtr     *node
	hosts   *namespace
	dir     string // of the xTR's configuration
	oor     *process
	pingers map[netip.Addr]*pinger // by source EID
}

// addSite makes a site whose xTR does not run yet.
func (n *network) addSite(t *testing.T, name string, number int, places ...place) *site {
	t.Helper()
	s := &site{
		network: n, name: name, dir: t.TempDir(), pingers: map[netip.Addr]*pinger{},
		xtr: n.addNode(t, "xtr-"+name, number), hosts: newNamespace(t, "host-"+name),
	}
	connect(t, s.xtr.namespace, "eid", s.hosts, "eth0")
	for _, p := range places {
		s.addPlace(t, p)
	}
	for _, f := range families {
		s.hosts.addDefaultRoute(t, "eth0", eidAddress(f, places[0].number, gatewayHost).Addr())
	}
	return s
}

// addPlace gives the site's host the addresses of one more place.
func (s *site) addPlace(t *testing.T, p place) {
	t.Helper()
	for _, f := range families {
		s.xtr.addAddress(t, "eid", eidAddress(f, p.number, gatewayHost))
		s.hosts.addAddress(t, "eth0", eidAddress(f, p.number, viewerHost))
		s.pingers[p.host(f)] = newPinger(t, s.hosts, p.host(f))
	}
}

// from returns what pings from the site's host in a place.
func (s *site) from(p place, f family) *pinger { return s.pingers[p.host(f)] }

// moveRLOCs gives the xTR other addresses on its link.
func (s *site) moveRLOCs(t *testing.T) {
	t.Helper()
	for i, f := range s.network.families {
		moved := rlocPrefix(f, s.xtr.number, movedHost)
		s.xtr.addAddress(t, "rloc", moved)
		s.xtr.removeAddress(t, "rloc", rlocPrefix(f, s.xtr.number, xtrHost))
		s.xtr.rlocs[i] = moved.Addr()
	}
}
