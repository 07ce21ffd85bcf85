package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxAuthKeys is how many keys a site may have: each costs an HMAC for xTRs that
// do not say which one they use.
const maxAuthKeys = 16

// What times may be: the Map-Server's own bounds. Mappings live for whole minutes
// (RFC 9301 §5.4).
const (
	minTTL  = Duration(time.Minute)
	maxTime = Duration(365 * 24 * time.Hour)
)

// maxPreinstall leaves the switches room for what packets ask for.
const maxPreinstall = 65_536

// checkMapCache checks how switches come by mappings.
func (c *Config) checkMapCache(p *problems) {
	m := &c.MapCache
	if m.Preinstall > maxPreinstall {
		p.add("map_cache.preinstall", fmt.Sprintf("%d mappings are more than a switch has room for", m.Preinstall), fmt.Sprintf("give 1 to %d", maxPreinstall))
	}
	for _, d := range []struct {
		key         string
		value, most Duration
	}{{"idle", m.Idle, Duration(24 * time.Hour)}, {"probe_interval", m.ProbeInterval, Duration(time.Hour)}} {
		if d.value < Duration(time.Second) || d.value > d.most {
			p.add("map_cache."+d.key, fmt.Sprintf("cannot be %v", time.Duration(d.value)), fmt.Sprintf("give 1s to %v", time.Duration(d.most)))
		}
	}
}

// checkMapServer checks what only the Map-Server uses.
func (c *Config) checkMapServer(p *problems) {
	c.checkLISPAddresses(p)
	for i, u := range c.MapServer.Upstream {
		if !isHost(u.Addr()) || u.Port() == 0 {
			p.add(fmt.Sprintf("map_server.upstream[%d]", i), fmt.Sprintf("%v is not a Map-Resolver", u),
				`give its address and port, such as "192.0.2.1:4342"`)
		} else if slices.Contains(c.Listen.LISP, u.String()) {
			p.add(fmt.Sprintf("map_server.upstream[%d]", i), fmt.Sprintf("%v is this Map-Server itself (listen.lisp)", u),
				"name another one, or remove it")
		}
	}
	if ttl := c.MapServer.MaxTTL; ttl != 0 && (ttl < minTTL || ttl > maxTime) {
		p.add("map_server.max_ttl", fmt.Sprintf("%v is no TTL of a mapping", time.Duration(ttl)), "give 1m to 8760h")
	}
	keys := 0
	for i := range c.Sites {
		c.checkRegistering(p, fmt.Sprintf("sites[%d]", i), &c.Sites[i])
		keys += len(c.Sites[i].AuthKeys)
	}
	if keys > 0 && len(c.Listen.LISP) == 0 {
		c.warnf("sites have auth_keys, but nobody can register: listen.lisp names no address")
	}
	if keys > 0 && c.Store == "" {
		c.warnf("registrations will not survive a restart: no store is given; add store: \"file:corecast.db\"")
	}
}

// checkLISPAddresses wants addresses, since xTRs must see answers come from the
// one that they asked.
func (c *Config) checkLISPAddresses(p *problems) {
	seen := map[netip.AddrPort]int{}
	for i, text := range c.Listen.LISP {
		path := fmt.Sprintf("listen.lisp[%d]", i)
		a, err := netip.ParseAddrPort(text)
		if err != nil || a.Addr().Is4In6() || a.Addr().IsMulticast() {
			p.add(path, fmt.Sprintf("%q is not an IP address and port", text),
				`write it like "127.0.0.1:4342", "0.0.0.0:4342" or "[::]:4342"`)
			continue
		}
		if other, dup := seen[a]; dup {
			p.add(path, fmt.Sprintf("%v is listen.lisp[%d] too", a, other), "keep one")
		}
		seen[a] = i
	}
}

// checkRegistering checks what a site's xTRs may register, and how.
func (c *Config) checkRegistering(p *problems, path string, s *Site) {
	for j, allowed := range s.AllowedRLOCs {
		if apath := fmt.Sprintf("%s.allowed_rlocs[%d]", path, j); allowed.IsValid() && allowed != allowed.Masked() {
			p.add(apath, fmt.Sprintf("%v has host bits set", allowed), fmt.Sprintf("write %v", allowed.Masked()))
		}
	}
	if s.RegistrationTimeout > maxTime {
		p.add(path+".registration_timeout", fmt.Sprintf("%v is too long", time.Duration(s.RegistrationTimeout)), "give at most 8760h")
	}
	if len(s.AuthKeys) > maxAuthKeys {
		p.add(path+".auth_keys", fmt.Sprintf("has %d keys", len(s.AuthKeys)), fmt.Sprintf("at most %d", maxAuthKeys))
	}
	for j, k := range s.AuthKeys {
		if first := slices.IndexFunc(s.AuthKeys, func(o AuthKey) bool { return o.ID == k.ID }); first < j {
			p.add(fmt.Sprintf("%s.auth_keys[%d].id", path, j), fmt.Sprintf("%d is the id of auth_keys[%d] too", k.ID, first),
				"give each key its own: xTRs say by it which one they use")
		}
	}
	if len(s.AuthKeys) > 0 {
		return
	}
	for _, limit := range []struct {
		key   string
		given bool
	}{
		{"allowed_rlocs", len(s.AllowedRLOCs) > 0},
		{"registration_timeout", s.RegistrationTimeout != 0},
		{"max_mappings", s.MaxMappings != 0},
	} {
		if limit.given {
			p.add(path+"."+limit.key, "has no use without auth_keys: nobody can register", "give auth_keys, or remove it")
		}
	}
}

func isHost(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() }
