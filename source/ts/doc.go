// Package ts reads as much of an MPEG transport stream (ISO/IEC 13818-1) as it
// takes to send it at its own speed: packet boundaries, the clock references
// (PCR), and from them when each byte is due.
//
// It promises never to change or drop a byte: streams are scanned in pieces of
// any size, damage is counted and skipped, and a stream whose clock jumps,
// wraps or stops keeps flowing at the rate measured so far. Nothing allocates
// per packet.
package ts

// PacketSize is the size of a transport stream packet.
const PacketSize = 188

// syncByte is the first byte of every packet.
const syncByte = 0x47
