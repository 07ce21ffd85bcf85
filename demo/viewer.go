package demo

import (
	"net/netip"
	"sync"
	"time"
)

// A cause says why a viewer did not receive a payload.
type cause int

const (
	causeHeaderLost  cause = iota // its header packet was lost in transit
	causeCopyLost                 // the payload copy its header needed was lost in transit
	causeUnexplained              // anything else: a defect of the network under test
	causes
)

// viewer is one unmodified player: it receives plain UDP and knows nothing of
// CoreCast. Since plain UDP has no sequence number, the transit network says
// which payload is to come next (expect), and the viewer holds what arrives
// against it (receive).
type viewer struct {
	name    string
	address netip.AddrPort
	domain  int
	sent    *sentLog

	mu        sync.Mutex // guards all below
	pending   []uint32   // sequences on their way, oldest first
	delivered uint64
	corrupt   uint64
	lost      [causes]uint64
	latency   histogram
	first     time.Time
	record    *recording // nil unless recording
}

// maxPending bounds what may be on its way to one viewer: far more than all
// queues between transit network and viewer hold.
const maxPending = 1 << 16

// expect notes that the payload will come next.
func (v *viewer) expect(sequence uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.pending) == maxPending {
		v.pending = v.pending[:copy(v.pending, v.pending[1:])]
		v.lost[causeUnexplained]++
	}
	v.pending = append(v.pending, sequence)
}

// miss notes that a payload will not come.
func (v *viewer) miss(why cause) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lost[why]++
}

// receive takes media that arrived. It is delivered if it is, byte for byte,
// the next payload on its way; payloads skipped before it are lost without an
// explanation; media that was never sent is corrupt.
func (v *viewer) receive(media []byte, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, sequence := range v.pending {
		sentAt, same := v.sent.matches(sequence, media)
		if !same {
			continue
		}
		v.lost[causeUnexplained] += uint64(i)
		v.pending = v.pending[:copy(v.pending, v.pending[i+1:])]
		v.delivered++
		v.latency.add(now.Sub(sentAt))
		if v.first.IsZero() {
			v.first = now
		}
		if v.record != nil {
			_, _ = v.record.Write(media) // closing it tells the first error
		}
		return
	}
	v.corrupt++
}

// settle ends the run: whatever was still on its way is lost.
func (v *viewer) settle() (c viewerCounts, latency histogram) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lost[causeUnexplained] += uint64(len(v.pending))
	v.pending = nil
	return v.countsLocked(), v.latency
}

// viewerCounts is one viewer's account.
type viewerCounts struct {
	Name      string
	Address   netip.AddrPort
	Domain    int
	Delivered uint64
	Lost      uint64
	Corrupt   uint64
	causes    [causes]uint64
	pending   int
	first     time.Time
}

func (v *viewer) snapshot() viewerCounts {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.countsLocked()
}

func (v *viewer) countsLocked() viewerCounts {
	c := viewerCounts{Name: v.name, Address: v.address, Domain: v.domain, Delivered: v.delivered,
		Corrupt: v.corrupt, causes: v.lost, pending: len(v.pending), first: v.first}
	for _, n := range v.lost {
		c.Lost += n
	}
	return c
}

// closeRecording writes the recording out, if there is one; what still arrives
// is not recorded.
func (v *viewer) closeRecording() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.record == nil {
		return nil
	}
	r := v.record
	v.record = nil
	return r.close()
}
