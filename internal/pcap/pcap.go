// Package pcap writes packets in libpcap's classic file format, which tcpdump,
// tshark and Wireshark read.
package pcap

import (
	"encoding/binary"
	"time"
)

// LinkType says what the packets of a file begin with; the numbers are
// libpcap's LINKTYPE_*.
type LinkType uint32

const (
	Ethernet LinkType = 1   // an Ethernet header
	IP       LinkType = 101 // an IPv4 or IPv6 header
)

// longest is what readers are told to expect of a packet at most.
const longest = 1 << 16

// Header returns the beginning of a file.
func Header(link LinkType) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)         // times in microseconds
	b = le.AppendUint16(le.AppendUint16(b, 2), 4) // version
	b = le.AppendUint64(b, 0)                     // time zone, accuracy
	b = le.AppendUint32(b, longest)
	return le.AppendUint32(b, uint32(link))
}

// Append appends a packet to a file.
func Append(b []byte, at time.Time, packet []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(at.Unix()))
	b = le.AppendUint32(b, uint32(at.Nanosecond()/1000))
	b = le.AppendUint32(b, uint32(len(packet))) // kept
	b = le.AppendUint32(b, uint32(len(packet))) // of the packet
	return append(b, packet...)
}
