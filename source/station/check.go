package station

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/corecast/corecast/wire"
)

// Complete fills in what is left out and checks the rest.
func (c *Config) Complete() error {
	if len(c.Channels) == 0 {
		return c.wrong("channels", "there is none: want at least one, with name, input and reserved_eid")
	}
	names, flows := map[string]int{}, map[netip.AddrPort]int{}
	for i := range c.Channels {
		ch, path := &c.Channels[i], fmt.Sprintf("channels[%d]", i)
		ch.setDefaults()
		if err := c.checkChannel(ch, path); err != nil {
			return err
		}
		if j, taken := names[ch.Name]; taken {
			return c.wrong(path+".name", "%s is the name of channels[%d] too: names must differ", ch.Name, j)
		}
		names[ch.Name] = i
		flow := netip.AddrPortFrom(ch.ReservedEID, ch.UDPPort)
		if j, taken := flows[flow]; taken {
			return c.wrong(path+".reserved_eid", "%s is that of channels[%d] too: each channel has its own", ch.ReservedEID, j)
		}
		flows[flow] = i
	}
	if err := c.checkMappings(); err != nil {
		return err
	}
	return c.checkAPI()
}

func (c *Config) checkChannel(ch *Channel, path string) error {
	switch {
	case ch.Name == "":
		return c.wrong(path+".name", "is missing: name the channel")
	case ch.Input == "":
		return c.wrong(path+".input", "is missing: give a file, - for standard input, udp://, rtp:// or srt://")
	case !ch.ReservedEID.IsValid():
		return c.wrong(path+".reserved_eid", "is missing: the EID that identifies the channel at its ITR")
	case ch.List < 1 || ch.List > wire.MaxEntries:
		return c.wrong(path+".list", "%d: want 1 to %d viewers in a header packet", ch.List, wire.MaxEntries)
	case ch.Payload < 0 || ch.Payload > wire.MaxPayload:
		return c.wrong(path+".payload", "%d: want 1 to %d bytes", ch.Payload, wire.MaxPayload)
	case ch.Segmentation != "auto" && ch.Segmentation != "on" && ch.Segmentation != "off":
		return c.wrong(path+".segmentation", "%q: want auto, on or off", ch.Segmentation)
	case ch.Burst < 0:
		return c.wrong(path+".burst", "%d: want header packets above 0", ch.Burst)
	case ch.Bitrate < 0:
		return c.wrong(path+".bitrate", "%d: want bits per second above 0", ch.Bitrate)
	}
	if !ch.SourceEID.IsValid() {
		eid, err := routeSource(ch.ReservedEID)
		if err != nil {
			return c.wrong(path+".source_eid", "is missing, and there is no route to %s that would tell: %v", ch.ReservedEID, err)
		}
		ch.SourceEID = eid
	}
	if ch.SourceEID.Is4() != ch.ReservedEID.Is4() {
		return c.wrong(path+".source_eid", "%s is of another family than the reserved EID %s: want two of one", ch.SourceEID, ch.ReservedEID)
	}
	if err := c.checkITR(ch, path); err != nil {
		return err
	}
	for i, v := range ch.Viewers {
		if v.Addr().Is4() != ch.SourceEID.Is4() || v.Port() == 0 {
			return c.wrong(fmt.Sprintf("%s.viewers[%d]", path, i), "%s: want an EID of the family of %s and a port", v, ch.SourceEID)
		}
	}
	return nil
}

// checkITR checks who sends the payload to the ETRs.
func (c *Config) checkITR(ch *Channel, path string) error {
	switch {
	case ch.Redundancy < 0 || ch.Redundancy > 255:
		return c.wrong(path+".redundancy", "%d: want 1 to 255 headers, or 0 for no repetition", ch.Redundancy)
	case ch.Redundancy > 0 && ch.ITR != SelfITR:
		return c.wrong(path+".redundancy", "%d without itr: self: the ITR is told by its controller", ch.Redundancy)
	case ch.ITR == SelfITR && len(c.Sites)+len(c.Mappings.Resolvers) == 0:
		return c.wrong(path+".itr", "self, and nobody tells the viewers' RLOCs: want a Map-Resolver (mappings.resolvers, --map-resolver), or sites")
	case ch.ITR == SelfITR || ch.ITR == "":
		return nil
	}
	next, err := netip.ParseAddr(ch.ITR)
	if err != nil {
		return c.wrong(path+".itr", "%q: want the ITR's IP address, or self for a source that does its work", ch.ITR)
	}
	if err := checkRoute(ch.ReservedEID, next); err != nil {
		return c.wrong(path+".itr", "%v", err)
	}
	return nil
}

// routeSource is the address that the host sends from to a destination.
func routeSource(to netip.Addr) (netip.Addr, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, wire.Port)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

func (c *Config) checkAPI() error {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return c.wrong("tls", "cert %q and key %q: want both", c.TLS.Cert, c.TLS.Key)
	}
	if c.Auth.JWKS != "" && c.Auth.Hook != "" {
		return c.wrong("auth", "jwks and hook are both given: keep one")
	}
	if c.Takeover != 0 && c.Takeover < time.Second {
		return c.wrong("takeover", "%v: want 1s or more", c.Takeover)
	}
	if c.Store != "" && !strings.HasPrefix(c.Store, "file:") && !strings.HasPrefix(c.Store, "etcd://") {
		return c.wrong("store", "%q: want file:PATH or etcd://HOST:PORT,…/PREFIX", c.Store)
	}
	for path, s := range map[string]string{"auth.hook": c.Auth.Hook, "webhook.url": c.Webhook.URL, "advertise": c.Advertise} {
		if u, err := url.Parse(s); s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return c.wrong(path, "%q: want an http:// or https:// URL", s)
		}
	}
	for path, s := range map[string]Secret{"auth.hook_secret": c.Auth.Secret, "webhook.secret": c.Webhook.Secret, "operator_token": c.Operator} {
		if _, err := s.get(); err != nil {
			return c.wrong(path, "%v", err)
		}
	}
	for i, p := range c.Proxies {
		if _, err := parseProxy(p); err != nil {
			return c.wrong(fmt.Sprintf("trusted_proxies[%d]", i), "%q: want an address or a prefix", p)
		}
	}
	for i, s := range c.Sites {
		if !s.RLOC.IsValid() || len(s.EIDPrefixes) == 0 {
			return c.wrong(fmt.Sprintf("sites[%d]", i), "want eid_prefixes and an rloc")
		}
	}
	if c.Limits.PerAddress > math.MaxUint16 {
		return c.wrong("limits.per_address", "%d: want at most %d", c.Limits.PerAddress, math.MaxUint16)
	}
	if c.Limits.Viewers < 0 || c.Limits.PerAddress < 0 || c.Limits.TTL < 0 {
		return c.wrong("limits", "want numbers above 0")
	}
	return nil
}

func parseProxy(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}
