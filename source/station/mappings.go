package station

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source/mappings"
)

// Mappings says whom the source asks for the mappings of its viewers.
type Mappings struct {
	Resolvers  []string   `yaml:"resolvers"` // Map-Resolvers: ADDRESS or ADDRESS:PORT
	Address    netip.Addr `yaml:"address"`   // our ITR-RLOC, where answers come to; default: by the routes
	InstanceID uint32     `yaml:"instance_id"`
	XTRID      string     `yaml:"xtr_id"` // 32 hex digits; default: by chance
	Subscribe  *Subscribe `yaml:"subscribe"`
}

// Subscribe has a Map-Server tell the source of changes (PubSub): the source
// registers an EID-prefix, as an xTR does.
type Subscribe struct {
	MapServer string       `yaml:"map_server"` // default: the first of resolvers
	EIDPrefix netip.Prefix `yaml:"eid_prefix"`
	RLOCs     []netip.Addr `yaml:"rlocs"` // what is registered; default: address
	KeyID     uint8        `yaml:"key_id"`
	Algorithm string       `yaml:"algorithm"` // default: hmac-sha256-128
	Secret    Secret       `yaml:"secret"`
}

var algorithms = map[string]lisp.Algorithm{
	"": lisp.AlgorithmSHA256, "hmac-sha256-128": lisp.AlgorithmSHA256, "hmac-sha1-96": lisp.AlgorithmSHA1,
	"hmac-sha256-128-hkdf": lisp.AlgorithmSHA256HKDF,
}

// parseServer reads the address of a Map-Server or Map-Resolver.
func parseServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, lisp.ControlPort), nil
	}
	return netip.ParseAddrPort(s)
}

func (c *Config) checkMappings() error {
	m := &c.Mappings
	for i, r := range m.Resolvers {
		if _, err := parseServer(r); err != nil {
			return c.wrong(fmt.Sprintf("mappings.resolvers[%d]", i), "%q: want the address of a Map-Resolver, such as 192.0.2.1 or 192.0.2.1:4342", r)
		}
	}
	if b, err := hex.DecodeString(m.XTRID); err != nil || len(b) != 0 && len(b) != 16 {
		return c.wrong("mappings.xtr_id", "%q: want 32 hex digits", m.XTRID)
	}
	s := m.Subscribe
	switch {
	case s == nil:
		return nil
	case len(m.Resolvers) == 0:
		return c.wrong("mappings.resolvers", "is missing: a source that subscribes asks, too")
	case !s.EIDPrefix.IsValid():
		return c.wrong("mappings.subscribe.eid_prefix", "is missing: the EID-prefix that the source registers with the Map-Server, such as its own EID, 10.0.0.10/32")
	}
	if _, ok := algorithms[s.Algorithm]; !ok {
		names := slices.Sorted(maps.Keys(algorithms))[1:]
		return c.wrong("mappings.subscribe.algorithm", "%q: want one of %s", s.Algorithm, strings.Join(names, ", "))
	}
	if _, err := parseServer(s.MapServer); s.MapServer != "" && err != nil {
		return c.wrong("mappings.subscribe.map_server", "%q: want the address of a Map-Server, such as 192.0.2.1", s.MapServer)
	}
	secret, err := s.Secret.get()
	if err == nil && secret == "" {
		err = fmt.Errorf("is missing: the key that the Map-Server has for %s", s.EIDPrefix)
	}
	if err != nil {
		return c.wrong("mappings.subscribe.secret", "%v", err)
	}
	return nil
}

// client is the configuration of a LISP client; checkMappings has passed it.
func (m *Mappings) client() (config mappings.Config, err error) {
	config.Local, config.InstanceID = m.Address, m.InstanceID
	for _, r := range m.Resolvers {
		at, err := parseServer(r)
		if err != nil {
			return config, err
		}
		config.Resolvers = append(config.Resolvers, at)
	}
	id, err := hex.DecodeString(m.XTRID)
	if err != nil {
		return config, err
	}
	copy(config.ID[:], id)
	s := m.Subscribe
	if s == nil {
		return config, nil
	}
	sub := &mappings.Subscription{MapServer: config.Resolvers[0], KeyID: s.KeyID, Algorithm: algorithms[s.Algorithm], Prefix: s.EIDPrefix, RLOCs: s.RLOCs}
	if s.MapServer != "" {
		if sub.MapServer, err = parseServer(s.MapServer); err != nil {
			return config, err
		}
	}
	secret, err := s.Secret.get()
	sub.Secret, config.Subscription = []byte(secret), sub
	return config, err
}
