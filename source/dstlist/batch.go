package dstlist

import (
	"net/netip"

	"github.com/corecast/corecast/wire"
)

// Batch is packets on their way to a sender, one behind the other in memory
// that is used again and again. Each has room in front for headers of other
// layers. Viewers who get the media by unicast are named beside them.
type Batch struct {
	headroom int
	limit    int
	buffer   []byte
	packets  [][]byte
	rlocs    []netip.Addr // of each packet
	unicast  []Destination
	entries  int
	scratch  [wire.MaxEntries * wire.Entry6Size]byte
}

// NewBatch returns a batch with room for packets header packets, or one
// payload packet.
func NewBatch(headroom, packets int) *Batch {
	const longest = wire.HeaderSize + wire.MaxEntries*wire.Entry6Size
	return &Batch{
		headroom: headroom,
		buffer:   make([]byte, 0, max(packets*(headroom+longest), headroom+wire.MaxPacket)),
		packets:  make([][]byte, 0, packets),
		rlocs:    make([]netip.Addr, 0, packets),
		unicast:  make([]Destination, 0, packets),
		limit:    packets,
	}
}

// Reset empties the batch, and lets it be filled with at most limit packets.
func (b *Batch) Reset(limit int) {
	b.buffer, b.packets, b.rlocs, b.unicast, b.entries = b.buffer[:0], b.packets[:0], b.rlocs[:0], b.unicast[:0], 0
	b.limit = min(limit, cap(b.packets))
}

// Packets returns the packets, each beginning with the headroom. They are valid
// until the next Reset.
func (b *Batch) Packets() [][]byte { return b.packets }

// RLOC returns the locator of the site whose viewers packet i names; the zero
// Addr for a payload packet, or if it is not known.
func (b *Batch) RLOC(i int) netip.Addr { return b.rlocs[i] }

// Destination is a viewer who gets the media by unicast.
type Destination struct {
	Viewer netip.AddrPort
	RLOC   netip.Addr // of its Delivery
}

// destinationOf reads the one entry of a header.
func destinationOf(entry []byte) netip.AddrPort {
	n := len(entry) - 2
	eid, _ := netip.AddrFromSlice(entry[:n])
	return netip.AddrPortFrom(eid, uint16(entry[n])<<8|uint16(entry[n+1]))
}

// Unicast returns the viewers who get the media itself, to be sent after the
// packets. It is valid until the next Reset.
func (b *Batch) Unicast() []Destination { return b.unicast }

// Entries returns how many viewers the packets name.
func (b *Batch) Entries() int { return b.entries }

// Cap returns how many packets the batch was made for.
func (b *Batch) Cap() int { return cap(b.packets) }

func (b *Batch) room() bool { return len(b.packets)+len(b.unicast) < b.limit }

// Payload puts a payload packet into the batch, which must be empty.
func (b *Batch) Payload(id wire.ID, media []byte) error {
	start := b.open()
	buffer, err := wire.AppendPayload(b.buffer, id, media)
	return b.close(start, buffer, netip.Addr{}, err)
}

func (b *Batch) header(kind wire.Type, id wire.ID, entries []byte, rloc netip.Addr) error {
	start := b.open()
	buffer, err := wire.AppendEncoded(b.buffer, kind, id, entries)
	return b.close(start, buffer, rloc, err)
}

// open leaves headroom for a packet that begins at start.
func (b *Batch) open() (start int) {
	start = len(b.buffer)
	b.buffer = b.buffer[:start+b.headroom]
	return start
}

func (b *Batch) close(start int, buffer []byte, rloc netip.Addr, err error) error {
	if err != nil {
		b.buffer = b.buffer[:start]
		return err
	}
	b.buffer = buffer
	b.packets = append(b.packets, buffer[start:])
	b.rlocs = append(b.rlocs, rloc)
	return nil
}
