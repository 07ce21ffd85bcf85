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

// DefaultPayloadSize is the largest multiple of 188-byte transport stream
// packets that fits an IP MTU of 1500 with every header in place.
const DefaultPayloadSize = 7 * 188

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
	// PayloadSize is the media bytes in a full payload packet, 1 to
	// wire.MaxPayload; 0 means DefaultPayloadSize. In sizes that are no
	// multiple of 188, MPEG-TS packets are cut like any other bytes.
	PayloadSize int
	// List is the most viewers in one header packet, 1 to wire.MaxEntries;
	// 0 means 1, the paper's header packet.
	List int
}

// withDefaults fills in what is 0 and checks the rest.
func (c Channel) withDefaults() (Channel, error) {
	if c.PayloadSize == 0 {
		c.PayloadSize = DefaultPayloadSize
	}
	if c.List == 0 {
		c.List = 1
	}
	switch {
	case !c.SourceEID.IsValid() || !c.ReservedEID.IsValid() || c.SourceEID.Is4() != c.ReservedEID.Is4():
		return c, fmt.Errorf("%w: source EID %s and reserved EID %s: want two addresses of one family",
			ErrConfig, c.SourceEID, c.ReservedEID)
	case c.UDPPort == 0:
		return c, fmt.Errorf("%w: UDP source port 0: want 1 to 65535", ErrConfig)
	case c.PayloadSize < 1 || c.PayloadSize > wire.MaxPayload:
		return c, fmt.Errorf("%w: payload size %d: want 1 to %d bytes", ErrConfig, c.PayloadSize, wire.MaxPayload)
	case c.List < 1 || c.List > wire.MaxEntries:
		return c, fmt.Errorf("%w: list of %d: want 1 to %d viewers in a header packet", ErrConfig, c.List, wire.MaxEntries)
	}
	return c, nil
}
