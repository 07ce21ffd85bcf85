package config

import (
	"net/netip"
	"slices"
)

// Config is the whole configuration file.
type Config struct {
	Listen    Listen    `yaml:"listen"`
	Store     string    `yaml:"store"`
	TLS       TLS       `yaml:"tls"`
	Auth      Auth      `yaml:"auth"`
	MapServer MapServer `yaml:"map_server"`
	Switches  []Switch  `yaml:"switches"`
	Sites     []Site    `yaml:"sites"`
	Channels  []Channel `yaml:"channels"`

	// Warnings are what is allowed but will not do all that was asked for;
	// Complete fills them in.
	Warnings []string

	origin origin
}

// Listen says where the controller's own servers listen.
type Listen struct {
	LISP []string `yaml:"lisp"`
	HTTP string   `yaml:"http"`
}

// TLS names the northbound server's certificate and who may present one to it.
type TLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"`
}

// Auth says how northbound clients prove who they are.
type Auth struct {
	TokensFile string `yaml:"tokens_file"`
	OIDC       OIDC   `yaml:"oidc"`
}

// OIDC names the issuer and audience of accepted JWTs.
type OIDC struct {
	Issuer   string `yaml:"issuer"`
	Audience string `yaml:"audience"`
}

// MapServer says how the Map-Server and Map-Resolver treats all sites; what is
// left out (0) has the Map-Server's default.
type MapServer struct {
	// Upstream are Map-Resolvers to ask for EIDs of no site.
	Upstream []netip.AddrPort `yaml:"upstream"`
	// MaxTTL caps how long requesters may keep a mapping.
	MaxTTL Duration `yaml:"max_ttl"`
	// RequestRate is how many Map-Requests a second are taken from one source,
	// RegisterRate how many records of Map-Registers.
	RequestRate  uint32 `yaml:"request_rate"`
	RegisterRate uint32 `yaml:"register_rate"`
}

// Switch is one P4Runtime target and the site whose border it is.
type Switch struct {
	Name      string     `yaml:"name"`
	Address   string     `yaml:"address"`
	DeviceID  uint64     `yaml:"device_id"`
	Target    Target     `yaml:"target"`
	Site      string     `yaml:"site"`
	Ports     []Port     `yaml:"ports"`
	Neighbors []Neighbor `yaml:"neighbors"`
	PuntRates PuntRates  `yaml:"punt_rates"`
}

// PuntRates are how many packets a second may come to the controller, for each
// reason; a reason left out (0) has DefaultPuntRate.
type PuntRates struct {
	MapCacheMiss uint32 `yaml:"map_cache_miss"`
	NewStream    uint32 `yaml:"new_stream"`
	ToUs         uint32 `yaml:"to_us"`
	TTL          uint32 `yaml:"ttl"`
	Neighbor     uint32 `yaml:"neighbor"`
	ARP          uint32 `yaml:"arp"`
	ND           uint32 `yaml:"nd"`
	TooBig       uint32 `yaml:"too_big"`
	LISPControl  uint32 `yaml:"lisp_control"`
}

// DefaultPuntRate is the packets a second of a reason that PuntRates leaves
// out.
const DefaultPuntRate = 100

// Port is a switch port in use.
type Port struct {
	ID   uint16 `yaml:"id"`
	Role Role   `yaml:"role"`
	// Address is the switch's own address on the port, with the length of
	// the connected subnet.
	Address netip.Prefix `yaml:"address"`
	// Addresses are further ones: a dual-stack port has one of each family.
	Addresses []netip.Prefix `yaml:"addresses"`
	// NextHop is the router behind the port for what is not on its subnet.
	NextHop netip.Addr `yaml:"next_hop"`
	// NextHops are further ones: of the other family.
	NextHops []netip.Addr `yaml:"next_hops"`
	// MTU is the longest IP packet that may leave by the port; 0 is no limit.
	MTU uint16 `yaml:"mtu"`
	// ChannelRate is how many packets of channels a second may enter by a
	// local port; 0 is no limit.
	ChannelRate uint32 `yaml:"channel_rate"`
	// Peer is the port by which a frame sent out of a loop port comes back;
	// 0 means the loop port itself.
	Peer uint16 `yaml:"peer"`
	// MAC is derived from switch name and port when omitted.
	MAC MAC `yaml:"mac"`
}

// Neighbor is a directly connected host or router with a known MAC address.
type Neighbor struct {
	Address netip.Addr `yaml:"address"`
	MAC     MAC        `yaml:"mac"`
	// Port is needed only when the address is in no port's subnet, or in
	// several.
	Port uint16 `yaml:"port"`
}

// Site is a LISP site (a domain): its EID prefixes, its RLOCs, its policy.
type Site struct {
	Name         string         `yaml:"name"`
	InstanceID   uint32         `yaml:"instance_id"`
	EIDPrefixes  []netip.Prefix `yaml:"eid_prefixes"`
	ReservedEIDs netip.Prefix   `yaml:"reserved_eids"`
	// ReservedEIDs6 is the IPv6 prefix of a site whose ReservedEIDs is IPv4.
	ReservedEIDs6       netip.Prefix  `yaml:"reserved_eids6"`
	RLOCs               []RLOC        `yaml:"rlocs"`
	AcceptMoreSpecifics bool          `yaml:"accept_more_specifics"`
	ProxyReply          bool          `yaml:"proxy_reply"`
	CoreCast            bool          `yaml:"corecast"`
	AcceptStreams       AcceptStreams `yaml:"accept_streams"`
	AuthKeys            []AuthKey     `yaml:"auth_keys"`
	// AllowedRLOCs, unless empty, are what the locators that the site's xTRs
	// register must be in.
	AllowedRLOCs []netip.Prefix `yaml:"allowed_rlocs"`
	// Replay is how the site is protected from recorded Map-Registers.
	Replay Replay `yaml:"replay"`
	// RegistrationTimeout is how long a registration lasts that does not ask
	// to last for its TTL; 0 is the 3 minutes of RFC 9301.
	RegistrationTimeout Duration `yaml:"registration_timeout"`
	// MaxMappings bounds what the site's xTRs may register; 0 is the
	// Map-Server's default.
	MaxMappings uint32   `yaml:"max_mappings"`
	Streams     []Stream `yaml:"streams"`
}

// RLOC is one locator of a site; the lowest priority wins, equal ones share by
// weight, 255 is never used (RFC 9301).
type RLOC struct {
	Address  netip.Addr `yaml:"address"`
	Priority uint8      `yaml:"priority"`
	Weight   uint8      `yaml:"weight"`
}

// AuthKey authenticates the Map-Registers of a site.
type AuthKey struct {
	ID        uint8  `yaml:"id"`
	Algorithm string `yaml:"algorithm"`
	Secret    Secret `yaml:"secret"`
	SecretEnv string `yaml:"secret_env"`
}

// Stream is a receiving site's own choice for a channel of another domain.
type Stream struct {
	SourceEID   netip.Addr `yaml:"source_eid"`
	ReservedEID netip.Addr `yaml:"reserved_eid"`
	Delivery    Delivery   `yaml:"delivery"`
	Group       netip.Addr `yaml:"group"`
	Port        uint16     `yaml:"port"`
}

// Channel is one stream of a source in a site of ours.
type Channel struct {
	Name      string     `yaml:"name"`
	Site      string     `yaml:"site"`
	SourceEID netip.Addr `yaml:"source_eid"`
	// ReservedEID identifies the channel in its site. Complete allocates the
	// lowest free one of the site's reserved_eids when it is omitted.
	ReservedEID netip.Addr `yaml:"reserved_eid"`
	// SourceEID6 and ReservedEID6 are the second pair of a dual-stack channel
	// whose first is IPv4.
	SourceEID6   netip.Addr `yaml:"source_eid6"`
	ReservedEID6 netip.Addr `yaml:"reserved_eid6"`
	Ingress      Ingress    `yaml:"ingress"`
	// Redundancy is the number of headers to one RLOC after which the payload
	// copy is repeated; 0 is never.
	Redundancy uint8 `yaml:"redundancy"`
	Rate       Rate  `yaml:"rate"`
	// Lists says whether a header packet may name several viewers.
	Lists YesNo `yaml:"lists"`
	// Fanout is the most payload-sized packets that a switch makes of one
	// payload; 0 is no limit.
	Fanout uint32 `yaml:"fanout"`
}

// Pair identifies a channel, in one address family, to its source's site.
type Pair struct{ Source, Reserved netip.Addr }

// Pairs are the channel's pairs, one for each family it has.
func (c *Channel) Pairs() []Pair {
	pairs := []Pair{{c.SourceEID, c.ReservedEID}}
	if c.SourceEID6.IsValid() {
		pairs = append(pairs, Pair{c.SourceEID6, c.ReservedEID6})
	}
	return pairs
}

// Ingress is where alone a channel's packets may enter.
type Ingress struct {
	Switch string `yaml:"switch"`
	Port   uint16 `yaml:"port"`
}

// FindSite returns the site of that name, or nil.
func (c *Config) FindSite(name string) *Site {
	for i := range c.Sites {
		if c.Sites[i].Name == name {
			return &c.Sites[i]
		}
	}
	return nil
}

// FindSwitch returns the switch of that name, or nil.
func (c *Config) FindSwitch(name string) *Switch {
	for i := range c.Switches {
		if c.Switches[i].Name == name {
			return &c.Switches[i]
		}
	}
	return nil
}

// FindChannel returns the channel of that name, or nil.
func (c *Config) FindChannel(name string) *Channel {
	for i := range c.Channels {
		if c.Channels[i].Name == name {
			return &c.Channels[i]
		}
	}
	return nil
}

// FindPort returns the port with that id, or nil.
func (s *Switch) FindPort(id uint16) *Port {
	for i := range s.Ports {
		if s.Ports[i].ID == id {
			return &s.Ports[i]
		}
	}
	return nil
}

// Prefixes are all addresses of the port with the lengths of their subnets.
func (p *Port) Prefixes() []netip.Prefix {
	if !p.Address.IsValid() {
		return p.Addresses
	}
	return append([]netip.Prefix{p.Address}, p.Addresses...)
}

// Routers are the routers behind the port, one a family at most.
func (p *Port) Routers() []netip.Addr {
	if !p.NextHop.IsValid() {
		return p.NextHops
	}
	return append([]netip.Addr{p.NextHop}, p.NextHops...)
}

// Connected reports whether a subnet is the port's.
func (p *Port) Connected(subnet netip.Prefix) bool {
	return slices.ContainsFunc(p.Prefixes(), func(a netip.Prefix) bool { return a.Masked() == subnet })
}

// ReservedPrefixes are the prefixes of the site's reserved EIDs, one a family
// at most.
func (s *Site) ReservedPrefixes() []netip.Prefix {
	var prefixes []netip.Prefix
	for _, r := range []netip.Prefix{s.ReservedEIDs, s.ReservedEIDs6} {
		if r.IsValid() {
			prefixes = append(prefixes, r)
		}
	}
	return prefixes
}

// Reserved is the prefix of the site's reserved EIDs in a family, or invalid.
func (s *Site) Reserved(v6 bool) netip.Prefix {
	for _, r := range s.ReservedPrefixes() {
		if r.Addr().Is6() == v6 {
			return r
		}
	}
	return netip.Prefix{}
}

// PortTowards returns the local or transit port whose subnet holds addr, or
// nil; the longest subnet wins, then the lowest id.
func (s *Switch) PortTowards(addr netip.Addr) *Port {
	var best *Port
	bits := -1
	for i := range s.Ports {
		p := &s.Ports[i]
		for _, a := range p.Prefixes() {
			if p.Role == Loop || !a.Contains(addr) {
				continue
			}
			if a.Bits() > bits || a.Bits() == bits && p.ID < best.ID {
				best, bits = p, a.Bits()
			}
		}
	}
	return best
}
