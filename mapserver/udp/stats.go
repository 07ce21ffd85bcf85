package udp

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A SendResult says what became of the datagrams of one Send.
type SendResult struct {
	Sent, Bytes int
	Full        int            // not taken: the send buffer was full
	Short       int            // taken in part
	Failed      int            // refused: no route, too long, not an address of ours
	Err         error          // the last refusal
	ErrTo       netip.AddrPort // whom it was for
}

// Stats are totals since the endpoint listens.
type Stats struct {
	Received, ReceivedBytes uint64
	// ReceiveDrops are datagrams that the kernel dropped because the workers
	// did not keep up (or, rarely, for a wrong UDP checksum).
	ReceiveDrops  uint64
	ReceiveErrors uint64 // of system calls

	Sent, SentBytes uint64
	SendFull        uint64 // dropped: the send buffer was full
	SendShort       uint64 // sent in part
	SendFailed      uint64 // refused by the system: LastSendError says why
	SendUnroutable  uint64 // no socket of the receiver's family: listen on one

	LastSendError   string // empty if there was none
	LastSendErrorAt time.Time
}

// counters are those of one worker.
type counters struct {
	received, receivedBytes, receiveErrors atomic.Uint64
	sent, sentBytes                        atomic.Uint64
	full, short, failed, unroutable        atomic.Uint64
}

func (c *counters) add(r *SendResult) {
	c.sent.Add(uint64(r.Sent))
	c.sentBytes.Add(uint64(r.Bytes))
	if r.Full+r.Short+r.Failed > 0 {
		c.full.Add(uint64(r.Full))
		c.short.Add(uint64(r.Short))
		c.failed.Add(uint64(r.Failed))
	}
}

// sendErrors remembers the last refusal.
type sendErrors struct {
	mu   sync.Mutex // guards all below
	err  error
	to   netip.AddrPort
	when time.Time
}

func (s *sendErrors) note(r *SendResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.to, s.when = r.Err, r.ErrTo, time.Now()
}

// Stats adds up what all workers counted.
func (e *Endpoint) Stats() Stats {
	var s Stats
	for _, w := range append([]*worker{e.ticker, e.others}, e.workers...) {
		c := &w.counters
		s.Received += c.received.Load()
		s.ReceivedBytes += c.receivedBytes.Load()
		s.ReceiveErrors += c.receiveErrors.Load()
		s.Sent += c.sent.Load()
		s.SentBytes += c.sentBytes.Load()
		s.SendFull += c.full.Load()
		s.SendShort += c.short.Load()
		s.SendFailed += c.failed.Load()
		s.SendUnroutable += c.unroutable.Load()
	}
	for _, group := range e.groups {
		for _, socket := range group {
			s.ReceiveDrops += socket.kernelDrops()
		}
	}
	e.sendError.mu.Lock()
	defer e.sendError.mu.Unlock()
	if e.sendError.err != nil {
		s.LastSendError = fmt.Sprintf("to %s: %v", e.sendError.to, e.sendError.err)
		s.LastSendErrorAt = e.sendError.when
	}
	return s
}
