package config

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/corecast/corecast/store"
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

// checkSwitchAddress takes a Unix socket too: switches on the same machine may be
// in network namespaces of their own.
func checkSwitchAddress(p *problems, path, value string) {
	if socket, unix := strings.CutPrefix(value, "unix:"); !unix || socket == "" {
		checkHostPort(p, path, value)
	}
}

func (c *Config) checkServers(p *problems) {
	for i, a := range c.Listen.LISP {
		checkHostPort(p, fmt.Sprintf("listen.lisp[%d]", i), a)
	}
	if c.Listen.HTTP != "" {
		checkHostPort(p, "listen.http", c.Listen.HTTP)
		c.checkReachable(p)
	}
	c.checkStore(p)
	if c.Node != "" && !goodName.MatchString(c.Node) {
		p.add("node", fmt.Sprintf("%q is not a usable name", c.Node),
			"use up to 63 lower-case letters, digits, '.', '_' and '-'")
	}
	c.checkTLS(p)
	c.checkAuth(p)
}

func (c *Config) checkStore(p *problems) {
	if c.Store == "" {
		return
	}
	if err := store.Check(c.Store); err != nil {
		p.add("store", err.Error(), "write "+store.Form)
	}
}
