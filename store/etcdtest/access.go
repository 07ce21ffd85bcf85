package etcdtest

import "strings"

// Access is one client's own way to the members, that can be cut without
// disturbing any other's.
type Access struct{ proxies []*proxy }

// NewAccess makes a way to all members, until the test ends.
func (c *Cluster) NewAccess() *Access {
	c.t.Helper()
	a := &Access{}
	for _, m := range c.members {
		p, err := newProxy(m.dir+"/client", false)
		c.check(err)
		c.t.Cleanup(p.close)
		a.proxies = append(a.proxies, p)
	}
	return a
}

// Endpoints are the members' addresses on this way, HOST:PORT, in order.
func (a *Access) Endpoints() []string {
	var list []string
	for _, p := range a.proxies {
		list = append(list, p.address())
	}
	return list
}

// URL is the configuration's store: for a prefix of the cluster's keys.
func (a *Access) URL(prefix string) string {
	return "etcd://" + strings.Join(a.Endpoints(), ",") + "/" + prefix
}

// Stall loses all that is sent from now on, as a network that is cut does:
// connections stay, and nothing comes. Restore delivers what was sent.
func (a *Access) Stall() {
	for _, p := range a.proxies {
		p.stall(true)
	}
}

// Break ends the connections and refuses new ones, as when all members are down.
func (a *Access) Break() {
	for _, p := range a.proxies {
		p.refuse(func(string) bool { return true })
	}
}

// Restore ends Stall and Break.
func (a *Access) Restore() {
	for _, p := range a.proxies {
		p.stall(false)
		p.refuse(func(string) bool { return false })
	}
}
