package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/store"
)

func cutReserved(key string) (channel string, ok bool) { return strings.CutPrefix(key, reservedPrefix) }

// noteChosen takes in which reserved EIDs a channel of the file has.
func (inv *Inventory) noteChosen(name string, ev store.Event) {
	if ev.Deleted {
		delete(inv.owned.chosen, name)
		return
	}
	var c chosen
	if err := json.Unmarshal(ev.Value, &c); err != nil {
		inv.opts.Logger.Error("a reserved EID cannot be read", "key", ev.Key, "err", err)
		return
	}
	inv.owned.chosen[name] = c
}

// settle makes a file the one that objects are of, and keeps the reserved EIDs
// that are chosen for its channels. One that is not the first must go with what
// is made over REST, and its changes are in the log.
func (inv *Inventory) settle(ctx context.Context, file *config.Config, first bool) error {
	for range attempts {
		a, err := assemble(file, inv.owned.stored, inv.owned.chosen)
		if err != nil {
			return err
		}
		ops, next := inv.choose(a)
		var events []eventlog.Event
		if !first {
			if err := inv.stillFits(a); err != nil {
				return err
			}
			events = fileEvents(inv.owned.now, a, "file:"+file.File())
		}
		err = inv.storeAll(ctx, ops, events)
		if errors.Is(err, store.ErrConflict) {
			if err = inv.load(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		inv.owned.file, inv.owned.now, inv.owned.chosen = file, a, next
		inv.showAll(a)
		return nil
	}
	return fmt.Errorf("%w: others write all the time", ErrUnavailable)
}

// storeAll stores what a file brings, in as many transactions as it takes.
func (inv *Inventory) storeAll(ctx context.Context, ops []store.Op, events []eventlog.Event) error {
	for size := maxBatch; len(ops)+len(events) > 0; {
		someOps, someEvents := min(size, len(ops)), min(size, len(events))
		revision, err := inv.opts.Store.Commit(ctx, inv.guarded(slices.Clone(ops[:someOps]), events[:someEvents]))
		if errors.Is(err, store.ErrInvalid) && size > 1 { // they are too large together
			size /= 2
			continue
		}
		if err != nil {
			return err
		}
		inv.owned.head, inv.owned.generation = revision, revision
		ops, events = ops[someOps:], events[someEvents:]
	}
	return nil
}

// stillFits refuses an assembly in which a stored object is out of use that was
// not before.
func (inv *Inventory) stillFits(a *assembly) error {
	var wrong config.Error
	for ref, o := range inv.owned.now.objects {
		if o.fromFile() || o.Unused != "" {
			continue
		}
		if at, own := a.own[ref]; own {
			wrong.Problems = append(wrong.Problems, config.Problem{What: fmt.Sprintf("%s, at %s, was made over REST already", ref, at),
				Fix: "delete that one over REST, or give another name"})
		} else if now := a.objects[ref]; now != nil && now.Unused != "" {
			wrong.Problems = append(wrong.Problems, config.Problem{What: fmt.Sprintf("%s, which was made over REST, would be wrong: %s", ref, now.Unused),
				Fix: "change or delete it over REST first"})
		}
	}
	if len(wrong.Problems) == 0 {
		return nil
	}
	slices.SortFunc(wrong.Problems, func(x, y config.Problem) int { return strings.Compare(x.What, y.What) })
	return &wrong
}

// choose is what is to be stored for the reserved EIDs of an assembly's file to
// stay, and all of them. What was chosen for channels that are gone is forgotten.
func (inv *Inventory) choose(a *assembly) ([]store.Op, map[string]chosen) {
	next := byChannel(a.whole.Allocations())
	for name := range next {
		if _, own := a.own[Ref{Channel, name}]; !own {
			delete(next, name)
		}
	}
	var ops []store.Op
	for _, name := range slices.Sorted(maps.Keys(next)) {
		if inv.owned.chosen[name] != next[name] {
			value, _ := json.Marshal(next[name]) // addresses
			ops = append(ops, store.Op{Key: reservedPrefix + name, Value: value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inv.owned.chosen)) {
		if _, still := next[name]; !still {
			ops = append(ops, store.Op{Key: reservedPrefix + name, Delete: true})
		}
	}
	return ops, next
}

// fileEvents are those of the file's objects that differ between two assemblies.
func fileEvents(before, after *assembly, who string) []eventlog.Event {
	var events []eventlog.Event
	refs := slices.SortedFunc(maps.Keys(after.own), byRef)
	for ref := range before.own {
		if _, still := after.own[ref]; !still {
			events = append(events, auditOf(Deleted, before.objects[ref], nil, who))
		}
	}
	slices.SortFunc(events, func(x, y eventlog.Event) int { return strings.Compare(x.Text, y.Text) })
	for _, ref := range refs {
		was, now := before.objects[ref], after.objects[ref]
		if _, own := before.own[ref]; !own {
			events = append(events, auditOf(Created, nil, now, who))
		} else if !reflect.DeepEqual(was.spec, now.spec) {
			events = append(events, auditOf(Changed, was, now, who))
		}
	}
	return events
}

func byRef(x, y Ref) int { return strings.Compare(x.String(), y.String()) }
