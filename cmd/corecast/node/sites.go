package node

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

// sites translates the sites of a complete configuration for the Map-Server.
func sites(cfg *config.Config) ([]mapserver.Site, error) {
	out := make([]mapserver.Site, 0, len(cfg.Sites))
	for i := range cfg.Sites {
		s, err := site(&cfg.Sites[i])
		if err != nil {
			return nil, fmt.Errorf("site %s: %w", cfg.Sites[i].Name, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func site(c *config.Site) (mapserver.Site, error) {
	s := mapserver.Site{
		Name: c.Name, InstanceID: c.InstanceID, EIDPrefixes: c.EIDPrefixes, AcceptMoreSpecifics: c.AcceptMoreSpecifics,
		AllowedLocators: c.AllowedRLOCs, ProxyReply: c.ProxyReply, CoreCast: c.CoreCast,
		MaxMappings: int(c.MaxMappings), Timeout: time.Duration(c.RegistrationTimeout),
	}
	for _, r := range c.RLOCs {
		s.RLOCs = append(s.RLOCs, mapserver.RLOC{Address: r.Address, Priority: r.Priority, Weight: r.Weight})
	}
	var err error
	if s.Replay, err = replay(c.Replay); err != nil {
		return s, err
	}
	for _, k := range c.AuthKeys {
		a, err := algorithm(k.Algorithm)
		if err != nil {
			return s, err
		}
		s.Keys = append(s.Keys, mapserver.Key{ID: k.ID, Algorithm: a, Secret: []byte(k.Secret)})
	}
	return s, nil
}

func replay(r config.Replay) (mapserver.Replay, error) {
	switch r {
	case config.ReplayMonotonic:
		return mapserver.ReplayMonotonic, nil
	case config.ReplayStrict:
		return mapserver.ReplayStrict, nil
	case config.ReplayOff:
		return mapserver.ReplayOff, nil
	}
	return 0, fmt.Errorf("replay %q is not one of the configuration's", r)
}

func algorithm(name string) (lisp.Algorithm, error) {
	switch name {
	case "hmac-sha1-96":
		return lisp.AlgorithmSHA1, nil
	case "hmac-sha256-128":
		return lisp.AlgorithmSHA256, nil
	case "hmac-sha256-128-hkdf":
		return lisp.AlgorithmSHA256HKDF, nil
	}
	return 0, fmt.Errorf("algorithm %q is not one of the configuration's", name)
}

// options translates what the configuration says of the Map-Server itself.
func options(cfg *config.Config) mapserver.Options {
	return mapserver.Options{
		Upstream: cfg.MapServer.Upstream, MaxTTL: time.Duration(cfg.MapServer.MaxTTL),
		RequestRate: int(cfg.MapServer.RequestRate), RegisterRate: int(cfg.MapServer.RegisterRate),
	}
}

// lispAddresses are those of listen.lisp.
func lispAddresses(cfg *config.Config) ([]netip.AddrPort, error) {
	var list []netip.AddrPort
	for _, text := range cfg.Listen.LISP {
		a, err := netip.ParseAddrPort(text)
		if err != nil {
			return nil, fmt.Errorf("listen.lisp: %w", err)
		}
		list = append(list, a)
	}
	return list, nil
}
