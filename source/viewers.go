package source

import (
	"fmt"
	"net/netip"
	"sync/atomic"
)

// Viewer is a client that receives the channel.
type Viewer struct {
	EID  netip.Addr
	Port uint16 // UDP port it listens on
	// Site names the viewer's domain. Viewers that follow each other and
	// have the same site may share a header packet.
	Site string
}

// ViewerList is the paper's chanDstList: the viewers of a channel, in the order
// in which they are served. It may be set while the channel is being sent;
// every round serves one list.
type ViewerList struct {
	channel Channel
	groups  atomic.Pointer[[][]netip.AddrPort]
}

// NewViewerList returns the viewer list of a channel.
func NewViewerList(channel Channel, viewers ...Viewer) (*ViewerList, error) {
	channel, err := channel.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &ViewerList{channel: channel}
	return l, l.Set(viewers)
}

// Set replaces the list, from the next round on. It keeps no reference to
// viewers. A list with a wrong viewer is refused as a whole.
func (l *ViewerList) Set(viewers []Viewer) error {
	four := l.channel.SourceEID.Is4()
	all := make([]netip.AddrPort, len(viewers))
	for i, v := range viewers {
		if !v.EID.IsValid() || v.EID.Is4() != four || v.EID.Zone() != "" || v.Port == 0 {
			return fmt.Errorf("%w: viewer %d, %s port %d: want an EID of the family of %s and a port from 1 to 65535",
				ErrConfig, i+1, v.EID, v.Port, l.channel.SourceEID)
		}
		all[i] = netip.AddrPortFrom(v.EID, v.Port)
	}
	groups := group(viewers, all, l.channel.List)
	l.groups.Store(&groups)
	return nil
}

// group cuts all, the addresses of viewers, into the entries of one header
// packet each: at most size, all of one site.
func group(viewers []Viewer, all []netip.AddrPort, size int) [][]netip.AddrPort {
	var groups [][]netip.AddrPort
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && end < start+size && viewers[end].Site == viewers[start].Site {
			end++
		}
		groups = append(groups, all[start:end])
		start = end
	}
	return groups
}

// headers returns the entries of each header packet of a round.
func (l *ViewerList) headers() [][]netip.AddrPort { return *l.groups.Load() }
