// Package ethtool reads and switches off the offloads of a Linux network
// interface, as `ethtool -k` and `ethtool -K` do. It owns nothing: interfaces are
// those of the caller's network namespace.
//
// Stock bmv2 forwards what offloads leave in a frame (no checksum, many packets in
// one), so they must be off on its interfaces.
package ethtool

// Offload is a feature of an interface.
type Offload string

// The offloads that stock bmv2 cannot live with, by ethtool's names.
const (
	TxChecksum Offload = "tx"
	TSO        Offload = "tso"
	GSO        Offload = "gso"
	GRO        Offload = "gro"
)
