package webhook

import (
	"errors"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/store"
)

// key is where something about a hook is kept.
func (h *hook) key(what string) string { return "webhooks/" + h.Name + "/" + what }

// position is how far a hook has been told.
type position struct {
	after   string
	skipped int // events since, that it need not be told of
	missed  bool
}

// tell tells a hook of all events, one batch after the other, until the shift
// ends.
func (t *Teller) tell(s *shift, h *hook) error {
	at, err := t.resume(s, h)
	single := 0 // events to tell of one by one: one of them was refused
	for err == nil && s.ending.Err() == nil {
		events, missed, grown := t.opts.Log.Read(at.after, page)
		if missed && !at.missed {
			h.missed.Add(1)
			at.missed = true
			t.opts.Logger.Warn("webhook: events are gone that it was not told of", "hook", h.Name)
		}
		if len(events) == 0 {
			select {
			case <-grown:
			case <-s.ending.Done():
			}
			continue
		}
		size := batch
		if single > 0 {
			size = 1
		}
		due, end := h.due(events, size)
		if len(due) > 0 {
			var settled bool
			settled, err = t.deliver(s, h, &Body{Hook: h.Name, Missed: at.missed, Events: due})
			if err != nil {
				break
			}
			if !settled {
				single = len(due)
				continue
			}
			at.missed, single = false, max(0, single-1)
		}
		at.skipped += end - len(due)
		at.after = events[end-1].ID
		if len(due) > 0 || at.skipped >= page {
			at.skipped = 0
			err = t.remember(s, h, at.after)
		}
	}
	return err
}

// due are the first events that a hook wants, at most size, and how many events
// there are up to the last of them: all if there are no more.
func (h *hook) due(events []api.Event, size int) (due []api.Event, end int) {
	for i := range events {
		if h.wants(&events[i]) {
			if due = append(due, events[i]); len(due) == size {
				return due, i + 1
			}
		}
	}
	return due, len(events)
}

// deliver sends a delivery until it is taken, or refused for good. Several
// events that are refused are not settled: one of them may be to blame alone.
func (t *Teller) deliver(s *shift, h *hook, body *Body) (settled bool, err error) {
	wait := t.opts.Pause
	for refused := 0; ; {
		err := h.post(s.working, t.client, body)
		if h.failing.Store(err != nil); err == nil {
			h.delivered.Add(uint64(len(body.Events)))
			return true, nil
		}
		if s.ending.Err() != nil {
			return false, s.ending.Err()
		}
		h.failures.Add(1)
		t.opts.Logger.Warn("webhook: not told", "hook", h.Name, "events", len(body.Events), "error", err, "again", wait)
		var no *refusedError
		if errors.As(err, &no) {
			if len(body.Events) > 1 {
				return false, nil
			}
			if refused++; refused == attempts {
				h.dead.Add(1)
				t.opts.Logger.Error("webhook: an event is given up", "hook", h.Name, "event", body.Events[0].ID, "error", err)
				return true, nil
			}
		}
		pause(s.ending, jitter(wait))
		wait = min(2*wait, maxPauses*t.opts.Pause)
	}
}

// resume returns how far a hook was told; if never, it is told from now on.
func (t *Teller) resume(s *shift, h *hook) (position, error) {
	e, err := t.opts.Store.Get(s.ending, h.key("after"))
	if err == nil {
		return position{after: string(e.Value)}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return position{}, err
	}
	last := t.opts.Log.Last()
	return position{after: last}, t.remember(s, h, last)
}

// remember writes how far a hook has been told, if it still is our turn.
func (t *Teller) remember(s *shift, h *hook, after string) error {
	_, err := t.opts.Store.Commit(s.working, store.Txn{
		If:   []store.Condition{s.Condition()},
		Then: []store.Op{{Key: h.key("after"), Value: []byte(after)}},
	})
	return err
}
