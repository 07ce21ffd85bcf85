package input

import (
	"errors"
	"time"

	"github.com/pion/rtp"
)

// RTP carries a transport stream in payload type 33 (RFC 3551), or in one of
// the dynamic types where both sides agreed so.
const (
	rtpTypeMP2T    = 33
	rtpTypeDynamic = 96
)

// foreignAfter is how long a sender must be quiet before another one's packets
// are taken.
const foreignAfter = 500 * time.Millisecond

// rtpInput receives a transport stream over RTP (RFC 2250): it takes off the
// header and puts packets in order.
type rtpInput struct {
	socket
	buf    []byte
	order  reorder
	rest   []byte // of the packet that is being read
	sender uint32 // SSRC
	heard  time.Time
	counts countBox
}

func openRTP(name string, opts Options) (Input, error) {
	s, err := openSocket(name, opts)
	if err != nil {
		return nil, err
	}
	return &rtpInput{socket: s, buf: make([]byte, maxDatagram)}, nil
}

// Counts implements Counter.
func (r *rtpInput) Counts() Counts { return r.counts.get() }

func (r *rtpInput) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		if media, ok := r.order.pop(time.Now()); ok {
			r.rest = media
			r.note(func(c *Counts) { c.Lost = r.order.lost })
			continue
		}
		n, err := r.receive(r.buf, r.order.patience(time.Now()))
		if errors.Is(err, errNothing) {
			continue // what was waited for does not come
		}
		if err != nil {
			return 0, err
		}
		r.take(r.buf[:n], time.Now())
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// take puts one datagram in order, or counts why not.
func (r *rtpInput) take(datagram []byte, now time.Time) {
	var p rtp.Packet
	if err := p.Unmarshal(datagram); err != nil || p.Version != 2 || len(p.Payload) == 0 ||
		p.PayloadType != rtpTypeMP2T && p.PayloadType < rtpTypeDynamic {
		r.note(func(c *Counts) { c.Refused++ })
		return
	}
	if p.SSRC != r.sender {
		if !r.heard.IsZero() && now.Sub(r.heard) < foreignAfter {
			r.note(func(c *Counts) { c.Refused++ })
			return
		}
		if !r.heard.IsZero() {
			r.opts.event("another RTP sender has taken over on %s (SSRC %08x, was %08x)", r.name, p.SSRC, r.sender)
		}
		r.sender = p.SSRC
		r.order.restart()
	}
	r.heard = now
	if !r.order.push(p.SequenceNumber, p.Payload, now) {
		r.note(func(c *Counts) { c.Late++ })
	}
}

func (r *rtpInput) note(do func(*Counts)) { r.counts.update(do) }
