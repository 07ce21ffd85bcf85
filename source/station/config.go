package station

import (
	"net/netip"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/turn"
)

// Config is the configuration of a source.
type Config struct {
	Listen   string    `yaml:"listen"` // address of the viewer API; empty for none
	TLS      TLS       `yaml:"tls"`
	Proof    string    `yaml:"proof"` // UDP address that nonces are sent from; empty: only clients themselves may view
	Auth     Auth      `yaml:"auth"`
	Operator Secret    `yaml:"operator_token"`
	Webhook  Webhook   `yaml:"webhook"`
	Proxies  []string  `yaml:"trusted_proxies"`
	Limits   Limits    `yaml:"limits"`
	Sites    []Site    `yaml:"sites"`
	Mappings Mappings  `yaml:"mappings"`
	Channels []Channel `yaml:"channels"`
	// Store is where leases and sequence numbers are kept: file:PATH, or an
	// etcd:// that several sources share; empty for nowhere.
	Store string `yaml:"store"`
	// Takeover is how long the source that sends a channel may be gone before
	// a standby takes its place; 0 means turn.DefaultTTL.
	Takeover time.Duration `yaml:"takeover"`
	// Advertise is the URL of the viewer API that standbys lead clients to;
	// empty for that of Listen, if it is one address.
	Advertise string `yaml:"advertise"`
	file      string // where it comes from; empty for flags
	fileBytes []byte
}

// takeover is how long a turn lasts that is not renewed.
func (c *Config) takeover() time.Duration {
	if c.Takeover == 0 {
		return turn.DefaultTTL
	}
	return c.Takeover
}

// TLS is the certificate of the viewer API.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Auth says who may view: with a token, whom a hook allows, or everybody.
type Auth struct {
	JWKS     string `yaml:"jwks"`
	Issuer   string `yaml:"issuer"`
	Audience string `yaml:"audience"`
	Hook     string `yaml:"hook"`
	Secret   Secret `yaml:"hook_secret"`
}

// Webhook is a server that is told who comes and goes.
type Webhook struct {
	URL    string `yaml:"url"`
	Secret Secret `yaml:"secret"`
}

// Secret is a secret in the file, or the name of an environment variable.
type Secret struct {
	Value string `yaml:"value"`
	Env   string `yaml:"env"`
}

// Limits bound viewers.
type Limits struct {
	Viewers    int           `yaml:"viewers"` // of all channels; default 1,000,000
	TTL        time.Duration `yaml:"ttl"`     // of a lease; default 90 s
	PerAddress int           `yaml:"per_address"`
}

// Site is a mapping that is known: viewers of one site share header packets.
type Site struct {
	EIDPrefixes []netip.Prefix `yaml:"eid_prefixes"`
	RLOC        netip.Addr     `yaml:"rloc"`
	CoreCast    *bool          `yaml:"corecast"` // it has a CoreCast ETR; default true
}

// Channel is one stream.
type Channel struct {
	Name        string        `yaml:"name"`
	Title       string        `yaml:"title"`
	Input       string        `yaml:"input"`
	Loop        bool          `yaml:"loop"`      // play a file again and again
	Reconnect   *bool         `yaml:"reconnect"` // live inputs wait for media; default true
	Silence     time.Duration `yaml:"silence"`   // how long a live input may be silent; default 5 s
	Opaque      bool          `yaml:"opaque"`    // any media, not just MPEG-TS
	Bitrate     int           `yaml:"bitrate"`   // of media without a clock
	SourceEID   netip.Addr    `yaml:"source_eid"`
	ReservedEID netip.Addr    `yaml:"reserved_eid"`
	UDPPort     uint16        `yaml:"udp_port"`
	// ITR is the next hop to the reserved EID, checked against the routes, or
	// SelfITR.
	ITR string `yaml:"itr"`
	// Redundancy, for SelfITR, is after how many headers an RLOC gets the payload
	// again.
	Redundancy int              `yaml:"redundancy"`
	MTU        int              `yaml:"mtu"`
	Payload    int              `yaml:"payload"`
	List       int              `yaml:"list"`  // viewers in a header packet; default 32
	Burst      int              `yaml:"burst"` // headers at once; 16 for bmv2
	Viewers    []netip.AddrPort `yaml:"viewers"`
	// Segmentation says whether the kernel may cut bursts: on, off, or auto:
	// not over a veth pair, whose other end would get them uncut.
	Segmentation string `yaml:"segmentation"`
}

// Defaults of a channel.
const (
	DefaultUDPPort = 5004
	DefaultList    = 32
)

func (c *Channel) setDefaults() {
	if c.UDPPort == 0 {
		c.UDPPort = DefaultUDPPort
	}
	if c.List == 0 {
		c.List = DefaultList
	}
	if c.Segmentation == "" {
		c.Segmentation = "auto"
	}
	if c.Reconnect == nil {
		yes := true
		c.Reconnect = &yes
	}
}

// channel is what package source knows of it.
func (c *Channel) channel() source.Channel {
	return source.Channel{
		Name: c.Name, SourceEID: c.SourceEID, ReservedEID: c.ReservedEID, UDPPort: c.UDPPort,
		MTU: c.MTU, PayloadSize: c.Payload, List: c.List,
	}
}
