package demo

import (
	"net/netip"
	"sync"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// transit watches the network between the ITR and the ETRs. It counts what
// passes, decides what is lost, and tells every viewer which payload it must
// receive next or why it will not.
//
// mu guards everything.
type transit struct {
	loss lossModel

	mu      sync.Mutex
	viewers map[netip.AddrPort]*viewer // by EID and UDP port
	counts  transitCounts
	etrs    map[netip.Addr]*etrView // by RLOC

	outer lisp.Packet   // reused for every frame
	inner inet.Datagram // likewise
	head  wire.Header
	list  wire.Header4
}

// transitCounts is what the transit network carried, before loss.
type transitCounts struct {
	Copies      uint64 // payload copies
	Headers     uint64 // header packets
	Bytes       uint64 // IP bytes from ITR to ETRs, outer headers included
	HeaderBytes uint64 // those of header packets
	Lost        uint64 // packets the loss model took
	Other       uint64 // IP packets that are not CoreCast inside LISP
}

// etrView is what one ETR has been sent.
type etrView struct {
	stored [2]uint32 // sequence whose copy arrived, by parity, if filled
	filled [2]bool
	// Index of the next packet of a kind for the sequence it was counted for:
	// what tells the loss model the copies of one payload apart.
	next [2]struct {
		sequence uint32
		index    [4]uint32
	}
}

func newTransit(loss lossModel) *transit {
	return &transit{loss: loss, viewers: map[netip.AddrPort]*viewer{}, etrs: map[netip.Addr]*etrView{}}
}

// setViewers says who is to be told.
func (t *transit) setViewers(viewers []*viewer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range viewers {
		t.viewers[v.address] = v
	}
}

// viewer returns the viewer with that EID and UDP port, or nil.
func (t *transit) viewer(address netip.AddrPort) *viewer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.viewers[address]
}

// pass looks at a frame from the ITR and reports whether it goes on.
func (t *transit) pass(frame []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.decode(frame) {
		t.counts.Other++
		return true
	}
	t.counts.Bytes += uint64(len(frame) - inet.EthernetSize)
	etr := t.etr(t.outer.Dst)
	sequence, kind := t.head.ID.Sequence, t.head.Type
	lost := t.loss.loses(sequence, t.outer.Dst, kind, etr.indexOf(sequence, kind))
	if lost {
		t.counts.Lost++
	}
	if kind == wire.TypePayload {
		t.counts.Copies++
		if !lost {
			etr.store(sequence)
		}
		return !lost
	}
	t.counts.Headers++
	t.counts.HeaderBytes += uint64(len(frame) - inet.EthernetSize)
	if t.list.Decode(t.inner.Payload) == nil {
		t.announce(etr, sequence, lost)
	}
	return !lost
}

// decode fills outer, inner and head and reports whether frame is a CoreCast
// packet inside LISP.
func (t *transit) decode(frame []byte) bool {
	var eth inet.Ethernet
	packet, err := eth.Decode(frame)
	return err == nil && eth.Type == inet.EtherTypeIPv4 &&
		t.outer.Decode(packet) == nil &&
		t.inner.Decode(t.outer.Inner) == nil &&
		t.inner.Dst.Port() == wire.Port &&
		t.head.Decode(t.inner.Payload) == nil
}

// announce tells the viewers of the header just decoded what becomes of it.
func (t *transit) announce(etr *etrView, sequence uint32, lost bool) {
	for address := range t.list.Viewers() {
		v := t.viewers[address]
		switch {
		case v == nil:
		case lost:
			v.miss(causeHeaderLost)
		case !etr.has(sequence):
			v.miss(causeCopyLost)
		default:
			v.expect(sequence)
		}
	}
}

func (t *transit) etr(rloc netip.Addr) *etrView {
	e := t.etrs[rloc]
	if e == nil {
		e = new(etrView)
		t.etrs[rloc] = e
	}
	return e
}

func (e *etrView) store(sequence uint32) {
	e.stored[sequence&1], e.filled[sequence&1] = sequence, true
}

func (e *etrView) has(sequence uint32) bool {
	return e.filled[sequence&1] && e.stored[sequence&1] == sequence
}

// indexOf counts the packets of a kind for a sequence. Like the switches it
// remembers two payloads, by parity.
func (e *etrView) indexOf(sequence uint32, kind wire.Type) uint32 {
	n := &e.next[sequence&1]
	if n.sequence != sequence {
		n.sequence, n.index = sequence, [4]uint32{}
	}
	i := n.index[kind&3]
	n.index[kind&3]++
	return i
}

func (t *transit) snapshot() transitCounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}
