package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/store"
)

const (
	// maxBatch is how many changes share a transaction, each with an object, an
	// event and two events that make room.
	maxBatch = (store.MaxOps - 1) / 4
	// attempts is how often a transaction is tried that other controllers are
	// before.
	attempts = 20
	// commitTime bounds a transaction.
	commitTime = 15 * time.Second
)

// request is a change that waits for its result.
type request struct {
	change Change
	at     time.Time
	dry    bool
	file   *config.Config // instead of a change: another file
	result Result
	err    error
	done   chan struct{} // closed when result and err are set
}

// Do makes a change. When it returns without an error the change is durable, and
// will be applied.
func (inv *Inventory) Do(ctx context.Context, c Change) (Result, error) {
	if !inv.opts.Durable {
		return Result{}, ErrNotDurable
	}
	return inv.ask(ctx, &request{change: c})
}

// Preview returns what Do would do.
func (inv *Inventory) Preview(ctx context.Context, c Change) (Result, error) {
	return inv.ask(ctx, &request{change: c, dry: true})
}

// SetFile makes another complete configuration file the one that objects are
// of. It is refused if it needs what is made over REST, or stands against it.
func (inv *Inventory) SetFile(ctx context.Context, file *config.Config) error {
	_, err := inv.ask(ctx, &request{file: file})
	return err
}

// ask has the owner do a request.
func (inv *Inventory) ask(ctx context.Context, r *request) (Result, error) {
	r.at, r.done = time.Now().UTC().Truncate(time.Microsecond), make(chan struct{})
	select {
	case inv.requests <- r:
	case <-inv.ended:
		return Result{}, fmt.Errorf("%w: the controller stops", ErrUnavailable)
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	select {
	case <-r.done:
		return r.result, r.err
	case <-inv.ended:
		return Result{}, fmt.Errorf("%w: the controller stops", ErrUnavailable)
	case <-ctx.Done():
		return Result{}, fmt.Errorf("not known to be done: %w", ctx.Err())
	}
}

// gather takes the requests that wait behind the first.
func (inv *Inventory) gather(first *request) []*request {
	list := []*request{first}
	for len(list) < maxBatch {
		select {
		case r := <-inv.requests:
			list = append(list, r)
		default:
			return list
		}
	}
	return list
}

// serve does requests in their order, together where they can be.
func (inv *Inventory) serve(ctx context.Context, list []*request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	for len(list) > 0 {
		n := together(list)
		if first := list[0]; first.file != nil {
			first.end(Result{}, inv.settle(ctx, first.file, false))
		} else if first.dry {
			inv.preview(first)
		} else {
			inv.commit(ctx, list[:n])
		}
		list = list[n:]
	}
}

// together is how many of the first requests one transaction can do: changes of
// different channels, or one of anything else.
func together(list []*request) int {
	seen := map[Ref]bool{}
	for i, r := range list {
		if r.file != nil || r.dry || r.change.Kind != Channel || seen[r.change.Ref] {
			return max(i, 1)
		}
		seen[r.change.Ref] = true
	}
	return len(list)
}

func (r *request) end(result Result, err error) {
	r.result, r.err = result, err
	close(r.done)
}

// preview answers a request with what it would do.
func (inv *Inventory) preview(r *request) {
	s, err := inv.prepare(r)
	if err != nil {
		r.end(Result{}, err)
		return
	}
	s.undo()
	if s.result.Config == nil {
		s.result.Config = inv.with(s)
	}
	s.result.Warnings = s.result.Config.Warnings
	r.end(s.result, nil)
}

// with is the whole with a step done.
func (inv *Inventory) with(s *step) *config.Config {
	objects := inv.inUseBut(s.request.change.Ref)
	if s.after != nil {
		objects = append(objects, s.after)
	}
	whole, err := complete(inv.owned.file, objects, inv.owned.chosen)
	if err != nil { // it was checked
		inv.opts.Logger.Error("a change that was checked does not fit", "err", err)
		return inv.Config()
	}
	return whole
}

// commit does requests in one transaction.
func (inv *Inventory) commit(ctx context.Context, list []*request) {
	for range attempts {
		steps := inv.prepareAll(list)
		if len(steps) == 0 {
			return
		}
		revision, err := inv.opts.Store.Commit(ctx, inv.transaction(steps))
		if err == nil {
			inv.committed(steps, revision)
			return
		}
		list = list[:0]
		for i := len(steps) - 1; i >= 0; i-- {
			steps[i].undo()
		}
		for _, s := range steps {
			list = append(list, s.request)
		}
		if errors.Is(err, store.ErrInvalid) && len(list) > 1 { // they are too large together
			inv.commit(ctx, list[:len(list)/2])
			inv.commit(ctx, list[len(list)/2:])
			return
		}
		if !errors.Is(err, store.ErrConflict) {
			inv.failAll(list, err)
			return
		}
		if err := inv.load(ctx); err != nil {
			inv.failAll(list, err)
			return
		}
		inv.reassemble()
	}
	inv.failAll(list, fmt.Errorf("others write all the time"))
}

// Failure is why the store refused a change; nil once it takes something again.
func (inv *Inventory) Failure() error {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.failure
}

func (inv *Inventory) setFailure(err error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.failure = err
}

// probe writes something, to know whether the store takes changes again.
func (inv *Inventory) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	value := []byte(time.Now().UTC().Format(time.RFC3339Nano))
	_, err := inv.opts.Store.Commit(ctx, store.Txn{Then: []store.Op{{Key: probeKey, Value: value}}})
	inv.setFailure(err)
}

func (inv *Inventory) failAll(list []*request, err error) {
	inv.setFailure(err)
	inv.opts.Logger.Error("changes are not stored", "count", len(list), "err", err)
	for _, r := range list {
		r.end(Result{}, fmt.Errorf("%w: %w", ErrUnavailable, err))
	}
}

// prepareAll makes the steps of requests, and answers those that change nothing.
func (inv *Inventory) prepareAll(list []*request) []*step {
	var steps []*step
	for _, r := range list {
		s, err := inv.prepare(r)
		if err != nil {
			if s != nil {
				s.undo()
			}
			r.end(Result{}, err)
			continue
		}
		if len(s.ops) == 0 {
			s.undo()
			r.end(s.result, nil)
			continue
		}
		steps = append(steps, s)
	}
	return steps
}

// transaction is that of steps, with their events.
func (inv *Inventory) transaction(steps []*step) store.Txn {
	var events []eventlog.Event
	var ops []store.Op
	for _, s := range steps {
		ops = append(ops, s.ops...)
		events = append(events, auditOf(s.result.Did, s.before, s.after, s.request.change.Who))
	}
	return inv.guarded(ops, events)
}

// guarded is a transaction that nobody is before.
func (inv *Inventory) guarded(ops []store.Op, events []eventlog.Event) store.Txn {
	ops = append(ops, store.Op{Key: generationKey, Value: []byte(time.Now().UTC().Format(time.RFC3339Nano))})
	return store.Txn{
		If:   []store.Condition{{Key: generationKey, Modified: inv.owned.generation}},
		Then: append(ops, inv.opts.Log.Ops(events...)...),
	}
}

// committed takes in steps that are durable, and answers them.
func (inv *Inventory) committed(steps []*step, revision store.Revision) {
	o := &inv.owned
	o.head, o.generation = revision, revision
	inv.setFailure(nil)
	var refs []Ref
	var set []*object
	others := false
	for _, s := range steps {
		ref := s.request.change.Ref
		refs = append(refs, ref)
		others = others || ref.Kind != Channel || s.before != nil && s.before.Unused != "" || o.unread[ref] != ""
		delete(o.unread, ref)
		if s.after == nil {
			delete(o.stored, ref)
			delete(o.now.objects, ref)
			continue
		}
		after := newStored(ref, s.after.spec, s.after.By, s.after.Changed, cmp.Or(s.after.created, revision), revision)
		o.stored[ref], o.now.objects[ref] = after, after
		set = append(set, after)
		s.result.After = &after.Object
	}
	if others {
		inv.reassemble()
	} else {
		inv.show(refs, set)
	}
	for _, s := range steps {
		s.request.end(s.result, nil)
	}
	for _, s := range steps {
		c := &s.request.change
		inv.opts.Logger.Info("object "+s.result.Did, "object", c.Ref.String(), "by", c.Who, "revision", revision)
	}
}
