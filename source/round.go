package source

import (
	"context"
	"errors"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
)

// batchSize is the most packets given to a Sender at once.
const batchSize = 512

// rounds sends the packets of each round, from buffers made once.
type rounds struct {
	sender   Sender
	batches  BatchSender // the same, if it is one; else nil
	progress *Progress
	viewers  *dstlist.List
	clock    Clock
	burst    int
	batch    *dstlist.Batch
}

func newRounds(cfg Config, sender Sender) *rounds {
	batches, _ := sender.(BatchSender)
	return &rounds{
		sender: sender, batches: batches, progress: cfg.Progress, viewers: cfg.Viewers, clock: cfg.Clock, burst: cfg.Burst,
		batch: dstlist.NewBatch(sender.Headroom(), batchSize),
	}
}

// send sends the payload of id, and then a header packet for each viewer or
// list of them, or the media itself, spread over window. When ctx ends, the rest goes at once.
func (r *rounds) send(ctx context.Context, id wire.ID, media []byte, window time.Duration) error {
	now := r.clock.Now()
	pace := newSpread(r.viewers.Begin(now), now, window, r.burst)
	defer r.viewers.End()
	n := pace.batch()
	r.batch.Reset(n + 1)
	if err := r.batch.Payload(id, media); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.viewers.Next(now, id, r.batch)
		if err != nil {
			return err
		}
		headers := len(r.batch.Packets())
		if first {
			headers--
		}
		if err := r.flush(headers, media); err != nil {
			return err
		}
		if first {
			r.progress.payloads.Add(1)
			r.progress.mediaBytes.Add(uint64(len(media)))
		}
		if !more {
			return nil
		}
		pace.sent += headers + len(r.batch.Unicast())
		if d := pace.wait(r.clock.Now()); d > 0 && ctx.Err() == nil {
			r.clock.Sleep(ctx, d)
		}
		now = r.clock.Now()
		r.batch.Reset(n)
	}
}

// flush sends the batch, in which so many are header packets.
func (r *rounds) flush(headers int, media []byte) error {
	packets, unicast := r.batch.Packets(), len(r.batch.Unicast())
	if len(packets)+unicast == 0 {
		return nil
	}
	var sent int
	var err error
	if r.batches != nil {
		sent, err = r.batches.SendBatch(r.batch, media)
	} else if len(packets) > 0 {
		sent, err = r.sender.Send(packets)
	}
	if sent == 0 && errors.Is(err, ErrTooLong) {
		return err // the round starts over with a shorter payload
	}
	r.progress.unsent.Add(uint64(len(packets) + unicast - sent))
	r.progress.headers.Add(uint64(headers))
	r.progress.entries.Add(uint64(r.batch.Entries()))
	r.progress.unicast.Add(uint64(unicast))
	return err
}
