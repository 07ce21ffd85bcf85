package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var goodName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// uniqueNames checks that every object has a usable name of its own.
func uniqueNames(p *problems, kind string, names []string) {
	first := map[string]int{}
	for i, name := range names {
		path := fmt.Sprintf("%s[%d]", kind, i)
		if !p.name(path, name) {
			continue
		}
		if other, dup := first[name]; dup {
			p.add(path+".name", fmt.Sprintf("%q is the name of %s too", name,
				p.at(fmt.Sprintf("%s[%d]", kind, other))), "give each its own name")
			continue
		}
		first[name] = i
	}
}

// checkHostPort wants host:port with a numeric port.
func checkHostPort(p *problems, path, value string) {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		p.add(path, fmt.Sprintf("%q is not host:port", value), `write it like "127.0.0.1:9559"`)
	}
}

func (c *Config) checkServers(p *problems) {
	for i, a := range c.Listen.LISP {
		checkHostPort(p, fmt.Sprintf("listen.lisp[%d]", i), a)
	}
	if c.Listen.HTTP != "" {
		checkHostPort(p, "listen.http", c.Listen.HTTP)
		c.checkLoopback(p)
	}
	c.checkStore(p)
	if c.Node != "" && !goodName.MatchString(c.Node) {
		p.add("node", fmt.Sprintf("%q is not a usable name", c.Node),
			"use up to 63 lower-case letters, digits, '.', '_' and '-'")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		p.add("tls", "has only one of cert and key", "give both, as paths of PEM files")
	}
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		p.add("tls.client_ca", "needs a server certificate", "give tls.cert and tls.key too")
	}
	if o := c.Auth.OIDC; o != (OIDC{}) {
		if u, err := url.Parse(o.Issuer); err != nil || u.Scheme != "https" || u.Host == "" {
			p.add("auth.oidc.issuer", fmt.Sprintf("%q is not an issuer", o.Issuer), "give its https:// URL")
		}
		if o.Audience == "" {
			p.add("auth.oidc.audience", "is missing", "give the audience that tokens must name")
		}
	}
}

// checkLoopback keeps the REST API, which asks nobody who they are yet, from
// being served to the network.
func (c *Config) checkLoopback(p *problems) {
	host, _, err := net.SplitHostPort(c.Listen.HTTP)
	if err != nil || host == "localhost" {
		return
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.Unmap().IsLoopback() {
		p.add("listen.http", fmt.Sprintf("%q can be reached from elsewhere, and the REST API has no authentication yet", c.Listen.HTTP),
			`use a loopback address, such as "127.0.0.1:8080", with a proxy before it that authenticates`)
	}
}

func (c *Config) checkStore(p *problems) {
	const fix = `write "file:PATH" or "etcd://HOST:PORT,…/PREFIX"`
	file, isFile := strings.CutPrefix(c.Store, "file:")
	hosts, isEtcd := strings.CutPrefix(c.Store, "etcd://")
	switch {
	case c.Store == "":
	case isFile && file != "":
	case isEtcd:
		list, _, _ := strings.Cut(hosts, "/")
		if slices.ContainsFunc(strings.Split(list, ","), func(h string) bool {
			_, port, err := net.SplitHostPort(h)
			return err != nil || port == ""
		}) {
			p.add("store", fmt.Sprintf("%q names no host:port", c.Store), fix)
		}
	default:
		p.add("store", fmt.Sprintf("%q is no store", c.Store), fix)
	}
}
