package source

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/wire"
)

// ErrConfig: a setting with a value it cannot have. Errors wrap it with the
// setting, the value, and what it can be.
var ErrConfig = errors.New("bad channel configuration")

// Channel is one stream that a source sends.
type Channel struct {
	Name string
	// SourceEID is the address of the source, ReservedEID the one that
	// identifies the channel in its domain. Both are of one family, and so
	// are the channel's viewers.
	SourceEID, ReservedEID netip.Addr
	// UDPPort is the channel's UDP source port: viewers see media come from
	// it.
	UDPPort uint16
	// MTU is the IP MTU of the links between the ITR and the ETRs; 0 means
	// DefaultMTU, or that of the source's own link if it is less.
	MTU int
	// PayloadSize is the media bytes in a full payload packet, 1 to
	// wire.MaxPayload; 0 means as many as the MTU takes (PayloadFor). In sizes
	// that are no multiple of 188, MPEG-TS packets are cut like any other
	// bytes. A path that turns out not to take them makes it less.
	PayloadSize int
	// List is the most viewers in one header packet, 1 to wire.MaxEntries;
	// 0 means 1, the paper's header packet.
	List int
}

// withDefaults fills in what is 0 and checks the rest.
func (c Channel) withDefaults() (Channel, error) {
	if c.List == 0 {
		c.List = 1
	}
	switch {
	case !c.SourceEID.IsValid() || !c.ReservedEID.IsValid() || c.SourceEID.Is4() != c.ReservedEID.Is4():
		return c, fmt.Errorf("%w: source EID %s and reserved EID %s: want two addresses of one family",
			ErrConfig, c.SourceEID, c.ReservedEID)
	case c.UDPPort == 0:
		return c, fmt.Errorf("%w: UDP source port 0: want 1 to 65535", ErrConfig)
	case c.MTU != 0 && (c.MTU > 65535 || PayloadFor(c.MTU, c.SourceEID.Is6()) == 0):
		return c, fmt.Errorf("%w: MTU %d: want one that holds the headers and a packet of 188 bytes, 264 or more for IPv4, 304 for IPv6",
			ErrConfig, c.MTU)
	case c.PayloadSize < 0 || c.PayloadSize > wire.MaxPayload:
		return c, fmt.Errorf("%w: payload size %d: want 1 to %d bytes", ErrConfig, c.PayloadSize, wire.MaxPayload)
	case c.List < 1 || c.List > wire.MaxEntries:
		return c, fmt.Errorf("%w: list of %d: want 1 to %d viewers in a header packet", ErrConfig, c.List, wire.MaxEntries)
	}
	return c, nil
}
