package mapserver

import "net/netip"

// Outbox collects the datagrams that a call wants sent. Its memory is reused:
// what it returns is valid until the next Reset. One goroutine uses it at a
// time.
type Outbox struct {
	buf     []byte
	list    []queued
	scratch scratch
}

// Datagram is one UDP datagram to be sent from port 4342.
type Datagram struct {
	// From is the local address to send from: the one that the packet behind
	// this datagram came to. The zero Addr leaves the choice to the system,
	// where there was no such packet of To's family.
	From    netip.Addr
	To      netip.AddrPort
	Payload []byte
}

type queued struct {
	from       netip.Addr
	to         netip.AddrPort
	start, end int // in buf
}

// Reset forgets all datagrams.
func (o *Outbox) Reset() { o.buf, o.list = o.buf[:0], o.list[:0] }

// Len returns the number of datagrams.
func (o *Outbox) Len() int { return len(o.list) }

// At returns the i-th datagram.
func (o *Outbox) At(i int) Datagram {
	q := &o.list[i]
	return Datagram{From: q.from, To: q.to, Payload: o.buf[q.start:q.end:q.end]}
}

// begin returns the memory to append a datagram to; send or drop follows.
func (o *Outbox) begin() []byte { return o.buf[len(o.buf):] }

// send queues the datagram that was appended to what begin returned.
func (o *Outbox) send(payload []byte, from netip.Addr, to netip.AddrPort) {
	if from.Is4() != to.Addr().Is4() {
		from = netip.Addr{}
	}
	start := len(o.buf)
	o.buf = append(o.buf, payload...) // onto itself, unless begin's memory was too small
	o.list = append(o.list, queued{from: from, to: to, start: start, end: len(o.buf)})
}
