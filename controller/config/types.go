package config

import (
	"net/netip"
	"slices"
	"time"
)

// Config is the whole configuration file.
type Config struct {
	Listen    Listen    `yaml:"listen"`
	Store     string    `yaml:"store"`
	Node      string    `yaml:"node"` // its name among several on one store; its own if omitted
	TLS       TLS       `yaml:"tls"`
	Auth      Auth      `yaml:"auth"`
	P4Runtime P4Runtime `yaml:"p4runtime"`
	MapServer MapServer `yaml:"map_server"`
	MapCache  MapCache  `yaml:"map_cache"`
	Webhooks  []Webhook `yaml:"webhooks"`
	Switches  []Switch  `yaml:"switches"`
	Sites     []Site    `yaml:"sites"`
	Channels  []Channel `yaml:"channels"`

	// Warnings are what is allowed but will not do all that was asked for;
	// Complete fills them in.
	Warnings []string

	origin    origin
	allocated map[Allocation]bool
}

// Allocation names the reserved EID of a channel that omits it.
type Allocation struct {
	Channel string
	Second  bool // reserved_eid6
}

// Listen says where the controller's own servers listen.
type Listen struct {
	LISP []string `yaml:"lisp"`
	HTTP string   `yaml:"http"`
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

// MapCache says how the switches come by mappings, and let go of them.
type MapCache struct {
	// Preinstall is how many mappings of an instance its switches have before a
	// packet asks for them. Where the Map-Server has more, the others come to a
	// switch when it needs them.
	Preinstall uint32 `yaml:"preinstall"`
	// Idle is after how long a mapping that a packet asked for goes again if no
	// other needs it.
	Idle Duration `yaml:"idle"`
	// Probe says whether the RLOCs of mappings that have several are probed, and
	// ProbeInterval how often.
	Probe         YesNo    `yaml:"probe"`
	ProbeInterval Duration `yaml:"probe_interval"`
}

// What MapCache leaves out.
const (
	DefaultPreinstall    = 10_000
	DefaultMapCacheIdle  = Duration(15 * time.Minute)
	DefaultProbeInterval = Duration(10 * time.Second)
)

// Switch is one P4Runtime target and the site whose border it is.
type Switch struct {
	Name      string     `yaml:"name" json:"name" required:"false" doc:"as in the path, which suffices" example:"itr1"`
	Address   string     `yaml:"address" json:"address" doc:"of its P4Runtime server" example:"127.0.0.1:9559"`
	DeviceID  uint64     `yaml:"device_id" json:"device_id" required:"false" doc:"of P4Runtime; 1 if omitted"`
	Target    Target     `yaml:"target" json:"target" required:"false" doc:"what runs the program; softswitch if omitted" enum:"softswitch,bmv2"`
	Site      string     `yaml:"site" json:"site" doc:"the site whose border it is" example:"studio"`
	Ports     []Port     `yaml:"ports" json:"ports,omitzero" nullable:"false" doc:"ports in use"`
	Neighbors []Neighbor `yaml:"neighbors" json:"neighbors,omitzero" nullable:"false" doc:"hosts and routers with a known MAC address; others are found by ARP and ND"`
	PuntRates PuntRates  `yaml:"punt_rates" json:"punt_rates,omitzero" doc:"packets a second that may come to the controller, by reason; 100 where omitted"`
}

// PuntRates are how many packets a second may come to the controller, for each
// reason; a reason left out (0) has DefaultPuntRate, map_cache_miss
// DefaultMissRate.
type PuntRates struct {
	MapCacheMiss uint32 `yaml:"map_cache_miss" json:"map_cache_miss,omitzero"`
	NewStream    uint32 `yaml:"new_stream" json:"new_stream,omitzero"`
	ToUs         uint32 `yaml:"to_us" json:"to_us,omitzero"`
	TTL          uint32 `yaml:"ttl" json:"ttl,omitzero"`
	Neighbor     uint32 `yaml:"neighbor" json:"neighbor,omitzero"`
	ARP          uint32 `yaml:"arp" json:"arp,omitzero"`
	ND           uint32 `yaml:"nd" json:"nd,omitzero"`
	TooBig       uint32 `yaml:"too_big" json:"too_big,omitzero"`
	LISPControl  uint32 `yaml:"lisp_control" json:"lisp_control,omitzero"`
}

// DefaultPuntRate is the packets a second of a reason that PuntRates leaves
// out.
const DefaultPuntRate = 100

// DefaultMissRate is that of map-cache misses: all packets that come while a
// mapping is resolved.
const DefaultMissRate = 1000

// Port is a switch port in use.
type Port struct {
	ID   uint16 `yaml:"id" json:"id" doc:"1 to 509" example:"1"`
	Role Role   `yaml:"role" json:"role" doc:"what it faces: sources and viewers, the RLOC space, or the switch itself" enum:"local,transit,loop"`
	// Address is the switch's own address on the port, with the length of
	// the connected subnet.
	Address netip.Prefix `yaml:"address" json:"address,omitzero" doc:"the address of the switch there, with the length of the subnet" example:"10.0.0.1/24"`
	// Addresses are further ones: a dual-stack port has one of each family.
	Addresses []netip.Prefix `yaml:"addresses" json:"addresses,omitzero" nullable:"false" doc:"further ones: a dual-stack port has one of each family"`
	// NextHop is the router behind the port for what is not on its subnet.
	NextHop netip.Addr `yaml:"next_hop" json:"next_hop,omitzero" doc:"the router behind the port" example:"192.0.2.1"`
	// NextHops are further ones: of the other family.
	NextHops []netip.Addr `yaml:"next_hops" json:"next_hops,omitzero" nullable:"false" doc:"further ones: of the other family"`
	// MTU is the longest IP packet that may leave by the port; 0 is no limit.
	MTU uint16 `yaml:"mtu" json:"mtu,omitzero" doc:"the longest IP packet that may leave by the port; 0: no limit"`
	// ChannelRate is how many packets of channels a second may enter by a
	// local port; 0 is no limit.
	ChannelRate uint32 `yaml:"channel_rate" json:"channel_rate,omitzero" doc:"packets of channels a second that may enter by a local port; 0: no limit"`
	// Peer is the port by which a frame sent out of a loop port comes back;
	// 0 means the loop port itself.
	Peer uint16 `yaml:"peer" json:"peer,omitzero" doc:"of a loop port: the port by which frames come back; 0: itself"`
	// MAC is derived from switch name and port when omitted.
	MAC MAC `yaml:"mac" json:"mac,omitzero" doc:"made from switch and port if omitted" example:"02:00:00:00:00:10"`
}

// Neighbor is a directly connected host or router with a known MAC address.
type Neighbor struct {
	Address netip.Addr `yaml:"address" json:"address" example:"10.0.0.10"`
	MAC     MAC        `yaml:"mac" json:"mac" example:"02:00:00:00:00:10"`
	// Port is needed only when the address is in no port's subnet, or in
	// several.
	Port uint16 `yaml:"port" json:"port,omitzero" doc:"needed only where the address is in no port's subnet, or in several"`
}

// Site is a LISP site (a domain): its EID prefixes, its RLOCs, its policy.
type Site struct {
	Name         string         `yaml:"name" json:"name" required:"false" doc:"as in the path, which suffices" example:"studio"`
	InstanceID   uint32         `yaml:"instance_id" json:"instance_id" required:"false" doc:"of the site's EIDs"`
	EIDPrefixes  []netip.Prefix `yaml:"eid_prefixes" json:"eid_prefixes" nullable:"false" doc:"the EIDs of the site" example:"[\"10.0.0.0/16\"]"`
	ReservedEIDs netip.Prefix   `yaml:"reserved_eids" json:"reserved_eids,omitzero" doc:"from which channels have their reserved EIDs; a part of eid_prefixes" example:"10.0.255.0/24"`
	// ReservedEIDs6 is the IPv6 prefix of a site whose ReservedEIDs is IPv4.
	ReservedEIDs6       netip.Prefix  `yaml:"reserved_eids6" json:"reserved_eids6,omitzero" doc:"the same for IPv6 beside IPv4"`
	RLOCs               []RLOC        `yaml:"rlocs" json:"rlocs,omitzero" nullable:"false" doc:"its mapping while nobody registers, and the addresses of its switches"`
	AcceptMoreSpecifics bool          `yaml:"accept_more_specifics" json:"accept_more_specifics,omitzero" doc:"its xTRs may register parts of its EID-prefixes"`
	ProxyReply          bool          `yaml:"proxy_reply" json:"proxy_reply,omitzero" doc:"the Map-Server answers for it"`
	CoreCast            bool          `yaml:"corecast" json:"corecast,omitzero" doc:"it has CoreCast switches"`
	AcceptStreams       AcceptStreams `yaml:"accept_streams" json:"accept_streams,omitzero" doc:"from elsewhere: of channels that are known (default), any, or none" enum:"known,any,none"`
	AuthKeys            []AuthKey     `yaml:"auth_keys" json:"auth_keys,omitzero" nullable:"false" doc:"with which its xTRs register"`
	// AllowedRLOCs, unless empty, are what the locators that the site's xTRs
	// register must be in.
	AllowedRLOCs []netip.Prefix `yaml:"allowed_rlocs" json:"allowed_rlocs,omitzero" nullable:"false" doc:"what registered locators must be in; empty: anything"`
	// Replay is how the site is protected from recorded Map-Registers.
	Replay Replay `yaml:"replay" json:"replay,omitzero" doc:"protection from recorded Map-Registers; monotonic if omitted" enum:"monotonic,strict,off"`
	// RegistrationTimeout is how long a registration lasts that does not ask
	// to last for its TTL; 0 is the 3 minutes of RFC 9301.
	RegistrationTimeout Duration `yaml:"registration_timeout" json:"registration_timeout,omitzero" doc:"3m if omitted" example:"3m"`
	// MaxMappings bounds what the site's xTRs may register; 0 is the
	// Map-Server's default.
	MaxMappings uint32   `yaml:"max_mappings" json:"max_mappings,omitzero" doc:"bounds what its xTRs may register; 0: the Map-Server's default"`
	Streams     []Stream `yaml:"streams" json:"streams,omitzero" nullable:"false" doc:"how channels of other sites are delivered here"`
}

// RLOC is one locator of a site; the lowest priority wins, equal ones share by
// weight, 255 is never used (RFC 9301).
type RLOC struct {
	Address  netip.Addr `yaml:"address" json:"address" example:"192.0.2.10"`
	Priority uint8      `yaml:"priority" json:"priority" required:"false" doc:"the lowest is used, 255 never; 1 if omitted"`
	Weight   uint8      `yaml:"weight" json:"weight" required:"false" doc:"share among those of one priority; 100 if omitted"`
}

// AuthKey authenticates the Map-Registers of a site.
type AuthKey struct {
	ID        uint8  `yaml:"id" json:"id" required:"false" doc:"xTRs say by it which key they use"`
	Algorithm string `yaml:"algorithm" json:"algorithm" enum:"hmac-sha1-96,hmac-sha256-128,hmac-sha256-128-hkdf"`
	Secret    Secret `yaml:"secret" json:"secret,omitzero" doc:"written, never read; a key without one keeps the secret that the key of its id has" writeOnly:"true"`
	SecretEnv string `yaml:"secret_env" json:"secret_env,omitzero" doc:"name of an environment variable of the controller that holds the secret"`
}

// Stream is a receiving site's own choice for a channel of another domain.
type Stream struct {
	SourceEID   netip.Addr `yaml:"source_eid" json:"source_eid" example:"10.9.0.10"`
	ReservedEID netip.Addr `yaml:"reserved_eid" json:"reserved_eid" example:"10.9.255.1"`
	Delivery    Delivery   `yaml:"delivery" json:"delivery,omitzero" doc:"unicast if omitted" enum:"unicast,multicast"`
	Group       netip.Addr `yaml:"group" json:"group,omitzero" doc:"multicast group in this site" example:"232.1.1.1"`
	Port        uint16     `yaml:"port" json:"port,omitzero" doc:"UDP port of the group"`
}

// Channel is one stream of a source in a site of ours.
type Channel struct {
	Name      string     `yaml:"name" json:"name" required:"false" doc:"as in the path, which suffices" example:"news"`
	Site      string     `yaml:"site" json:"site" doc:"of the source"`
	SourceEID netip.Addr `yaml:"source_eid" json:"source_eid" doc:"the EID of the source" example:"10.0.0.10"`
	// ReservedEID identifies the channel in its site. Complete allocates the
	// lowest free one of the site's reserved_eids when it is omitted.
	ReservedEID netip.Addr `yaml:"reserved_eid" json:"reserved_eid,omitzero" doc:"identifies the channel in its site; the lowest free one is taken if omitted"`
	// SourceEID6 and ReservedEID6 are the second pair of a dual-stack channel
	// whose first is IPv4.
	SourceEID6   netip.Addr `yaml:"source_eid6" json:"source_eid6,omitzero" doc:"second pair of a dual-stack channel whose first is IPv4"`
	ReservedEID6 netip.Addr `yaml:"reserved_eid6" json:"reserved_eid6,omitzero" doc:"taken like reserved_eid if omitted"`
	Ingress      Ingress    `yaml:"ingress" json:"ingress" doc:"where alone the channel's packets may enter"`
	// Redundancy is the number of headers to one RLOC after which the payload
	// copy is repeated; 0 is never.
	Redundancy uint8 `yaml:"redundancy" json:"redundancy,omitzero" doc:"headers to one RLOC after which the payload copy is repeated; 0: never"`
	Rate       Rate  `yaml:"rate" json:"rate,omitzero" doc:"media bits a second; none: no limit" example:"4Mbps"`
	// Lists says whether a header packet may name several viewers.
	Lists YesNo `yaml:"lists" json:"lists,omitzero" doc:"header packets may name several viewers; true if omitted"`
	// Fanout is the most payload-sized packets that a switch makes of one
	// payload; 0 is no limit.
	Fanout uint32 `yaml:"fanout" json:"fanout,omitzero" doc:"the most payload-sized packets that a switch makes of one payload; 0: no limit"`
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
	Switch string `yaml:"switch" json:"switch" doc:"the ITR" example:"itr1"`
	Port   uint16 `yaml:"port" json:"port" doc:"a local port of it"`
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
