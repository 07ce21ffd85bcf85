package oracle

import (
	"maps"
	"net/netip"

	"github.com/corecast/corecast/wire/inet"
)

// Config is what one switch is told. Instance-ids are 24 bits.
type Config struct {
	Ports       map[uint16]Port
	OwnRLOCs    map[netip.Addr]bool
	Channels    map[ChannelKey]Channel
	Peers       map[netip.Prefix]Peer // source RLOCs, longest match
	Streams     map[StreamKey]Stream
	EIDs        map[Prefix]Way
	Buckets     map[BucketKey]uint16 // RLOC sets: 16 buckets each
	Tunnels     map[uint16]Tunnel    // by RLOC index
	Neighbors   map[netip.Addr]Neighbor
	Viewers     map[Prefix]Neighbor // the way of list entries
	Groups      map[uint16][]uint16 // ports of the in-domain multicast groups
	Growth      uint16              // bytes a frame may grow by in one pass
	LoopTo      uint16              // port that leads back to this switch; 0 = none
	LoopBack    uint16              // port at which it arrives there
	SlotRates   map[uint16]Rate     // bytes
	PortRates   map[uint16]Rate     // packets
	PuntRates   map[uint8]Rate      // packets
	Generations map[uint16]uint32   // last generation of a slot before the start
}

// Port is a switch port in use.
type Port struct {
	Role     uint8 // build.Role…
	MAC      inet.MAC
	Instance uint32
}

// ChannelKey names a channel at its ITR.
type ChannelKey struct {
	Instance uint32
	Reserved netip.Addr
}

// Channel is a channel at its ITR.
type Channel struct {
	Slot       uint16
	Source     netip.Addr
	Port       uint16
	Redundancy uint8
	MaxList    uint8
	Fanout     uint32
}

// Peer is a source RLOC, or many by one prefix.
type Peer struct {
	Number  uint16
	MayOpen bool
}

// StreamKey names a stream at an ETR.
type StreamKey struct {
	Instance         uint32
	Peer             uint16
	Source, Reserved netip.Addr
}

// Stream is a stream at an ETR: delivered by unicast, or to a group if Group
// is not 0.
type Stream struct {
	Slot      uint16
	MaxList   uint8
	Fanout    uint32
	Group     uint16
	Address   netip.Addr
	GroupPort uint16
	GroupMAC  inet.MAC
	GroupMTU  uint16 // of IP packets; 0 = not limited
}

// Prefix is an EID prefix of an instance.
type Prefix struct {
	Instance uint32
	Prefix   netip.Prefix
}

// WayKind is where an EID prefix leads.
type WayKind uint8

const (
	Miss     WayKind = iota // no entry
	Local                   // the destination is its own next hop
	LocalVia                // in the site behind NextHop
	ToRLOC
	ToRLOCs
	Native // not an EID: plain IP by NextHop
	ToUs
	Discard
)

// Way is what is known of an EID prefix.
type Way struct {
	Kind    WayKind
	NextHop netip.Addr
	RLOC    uint16
	Set     uint16
	Reason  uint8 // of Discard
}

// BucketKey is one bucket of an RLOC set.
type BucketKey struct {
	Set    uint16
	Bucket uint8
}

// Tunnel leads to one RLOC.
type Tunnel struct {
	Source, Remote, NextHop netip.Addr
}

// Neighbor is the way to a next hop or host.
type Neighbor struct {
	Port     uint16
	Src, Dst inet.MAC
	MTU      uint16 // of IP packets; 0 = not limited
}

// Rate is a peak rate in units a second and its burst in units.
type Rate struct {
	PerSecond, Burst uint64
}

// Clone returns a copy that shares nothing.
func (c *Config) Clone() *Config {
	n := *c
	n.Ports = maps.Clone(c.Ports)
	n.OwnRLOCs = maps.Clone(c.OwnRLOCs)
	n.Channels = maps.Clone(c.Channels)
	n.Peers = maps.Clone(c.Peers)
	n.Streams = maps.Clone(c.Streams)
	n.EIDs = maps.Clone(c.EIDs)
	n.Buckets = maps.Clone(c.Buckets)
	n.Tunnels = maps.Clone(c.Tunnels)
	n.Neighbors = maps.Clone(c.Neighbors)
	n.Viewers = maps.Clone(c.Viewers)
	n.Groups = maps.Clone(c.Groups)
	n.SlotRates = maps.Clone(c.SlotRates)
	n.PortRates = maps.Clone(c.PortRates)
	n.PuntRates = maps.Clone(c.PuntRates)
	n.Generations = maps.Clone(c.Generations)
	return &n
}

// longest returns the entry of the longest prefix of addr in an instance.
func longest[V any](table map[Prefix]V, instance uint32, addr netip.Addr) (best V, found bool) {
	bits := -1
	for p, v := range table {
		if p.Instance == instance && p.Prefix.Contains(addr) && p.Prefix.Bits() > bits {
			best, found, bits = v, true, p.Prefix.Bits()
		}
	}
	return best, found
}
