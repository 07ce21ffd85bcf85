package mapserver

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// TestConcurrency has everything that may happen at once happen at once; the
// race detector and checkConsistent say what they think of it.
func TestConcurrency(t *testing.T) {
	db := store.NewMemory()
	t.Cleanup(func() { db.Close() }) // after the server
	opts := benchOptions()
	opts.Store, opts.FlushInterval = db, time.Millisecond
	h := newHarness(t, opts, fuzzSites()...)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Time goes on for all alike.
	at := func(i int) time.Time { return start.Add(time.Duration(i) * 100 * time.Millisecond) }
	const rounds = 300
	each := func(n int, do func(worker, i int, out *Outbox)) {
		for worker := range n {
			wg.Go(func() {
				var out Outbox
				for i := range rounds {
					out.Reset()
					do(worker, i, &out)
				}
			})
		}
	}
	each(2, func(worker, i int, out *Outbox) { // xTRs
		r := registerOf(uint64(i), record("10.1."+itoa(i%40)+".0/24", uint32(i%3), "192.0.2."+itoa(i%4+10)), record("10.1.0.0/16", 60, "192.0.2."+itoa(i%4+10)))
		r.HasXTR, r.XTR.ID[0], r.Merge = true, byte(worker+1), i%2 == 0
		h.s.Handle(at(i), etr, local, r.encode(t), out)
	})
	each(2, func(worker, i int, out *Outbox) { // ITRs
		r := requestOf(uint64(i), "10.1."+itoa(i%50)+".3")
		r.ITRs[0].IP = netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i%8)})
		h.s.Handle(at(i), itr, local, ecmOf(t, r, "192.0.2.50:50505"), out)
	})
	each(1, func(_, i int, out *Outbox) { // a subscriber, which acknowledges
		r := requestOf(uint64(i+1), "10.1.0.0/16")
		r.HasXTR, r.XTR.ID[0], r.Records[0].Notify, r.ITRs[0].IP = true, 1, true, etr.Addr()
		if i%20 == 10 {
			r.ITRs[0] = lisp.Address{}
		}
		h.s.Handle(at(i), itr, local, ecmOf(t, r, "192.0.2.50:50505"), out)
		var acks Outbox
		for k := range out.Len() {
			var n lisp.MapNotify
			if n.Decode(out.At(k).Payload) != nil {
				continue
			}
			if ack, err := n.AppendAck(nil); err == nil && lisp.NewKey([]byte("sesame")).Sign(ack) == nil {
				h.s.Handle(at(i), itr, local, ack, &acks)
			}
		}
	})
	each(1, func(_, i int, out *Outbox) { h.s.Tick(at(i), out) })
	each(1, func(_, i int, _ *Outbox) { // an operator
		h.s.Sites()
		h.s.Mappings(MappingFilter{All: true, Limit: 10})
		h.s.Counters()
		h.s.Resolve(eid("10.1.2.3"))
		if i%50 == 0 {
			sites := fuzzSites()
			sites[0].AcceptMoreSpecifics = i%100 == 0
			if err := h.s.SetSites(sites); err != nil {
				t.Error(err)
			}
		}
	})
	w := h.s.Watch(50)
	var watched sync.WaitGroup
	watched.Go(func() {
		for {
			if _, err := w.Next(ctx); err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				return
			}
		}
	})
	wg.Wait()
	w.Close()
	watched.Wait()
	checkConsistent(t, h.s)
	h.now = at(rounds)
	h.advance(10 * time.Minute)
	checkConsistent(t, h.s)
	if n := h.s.Counters(); n.Mappings != 0 || n.Requests != 3*rounds {
		t.Errorf("%+v", n)
	}
}
