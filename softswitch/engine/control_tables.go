package engine

import (
	"fmt"
	"math/big"
	"time"
)

// The control plane's side of tables. Every method wraps its error with the
// name of the table.

// readChunk is how many objects a read copies per hold of the lock.
const readChunk = 256

func (d *Dataplane) tableLocked(name string) (*table, error) {
	def := d.prog.tableByName[name]
	if def == nil {
		return nil, fmt.Errorf("table %q: %w", name, ErrUnknownTable)
	}
	return d.tables[def.info.index], nil
}

// edit runs f on a table, wrapping its error.
func (d *Dataplane) edit(name string, f func(*table) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.tableLocked(name)
	if err != nil {
		return err
	}
	if err := f(t); err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	return nil
}

func (t *table) build(action string, params [][]byte) (*entry, error) {
	local, err := t.actionByName(action)
	if err != nil {
		return nil, err
	}
	values := make([]*big.Int, len(params))
	for i, b := range params {
		values[i] = new(big.Int).SetBytes(b)
	}
	return t.newEntry(local, values)
}

// identify makes the key of an entry as the control plane names it.
func (t *table) identify(e *entry, from *Entry) error {
	if t.def.info.NeedsPriority {
		if from.Priority <= 0 {
			return fmt.Errorf("priority %d: want at least 1, the table matches by priority: %w", from.Priority, ErrBadValue)
		}
		e.prio = from.Priority
	} else if from.Priority != 0 {
		return fmt.Errorf("priority %d: want 0, the table does not match by priority: %w", from.Priority, ErrBadValue)
	}
	return t.setKey(e, from.Match)
}

func (t *table) find(from *Entry) (*entry, error) {
	var probe entry
	if err := t.identify(&probe, from); err != nil {
		return nil, err
	}
	e := t.byID[probe.id]
	if e == nil {
		return nil, fmt.Errorf("entry: %w", ErrNotFound)
	}
	return e, nil
}

func (t *table) writable() error {
	if t.def.info.ConstEntries {
		return fmt.Errorf("entries: %w", ErrConst)
	}
	if len(t.def.keys) == 0 {
		return fmt.Errorf("the table has no key, only a default action: %w", ErrBadValue)
	}
	return nil
}

// InsertEntry adds an entry: ErrExists if there is one with the same match
// (and priority), ErrTableFull at the table's size.
func (d *Dataplane) InsertEntry(name string, e Entry) error {
	return d.edit(name, func(t *table) error {
		if err := t.writable(); err != nil {
			return err
		}
		n, err := t.build(e.Action, e.Params)
		if err != nil {
			return err
		}
		if err := t.identify(n, &e); err != nil {
			return err
		}
		n.timeout = e.IdleTimeout
		d.timeKept = false
		return t.add(n, d.micros())
	})
}

// ModifyEntry replaces action and parameters of an entry. Its direct counter
// goes on.
func (d *Dataplane) ModifyEntry(name string, e Entry) error {
	return d.edit(name, func(t *table) error {
		if err := t.writable(); err != nil {
			return err
		}
		old, err := t.find(&e)
		if err != nil {
			return err
		}
		n, err := t.build(e.Action, e.Params)
		if err != nil {
			return err
		}
		old.action, old.local, old.args, old.wargs, old.timeout = n.action, n.local, n.args, n.wargs, e.IdleTimeout
		return nil
	})
}

// DeleteEntry removes the entry with e's match (and priority).
func (d *Dataplane) DeleteEntry(name string, e Entry) error {
	return d.edit(name, func(t *table) error {
		if err := t.writable(); err != nil {
			return err
		}
		old, err := t.find(&e)
		if err == nil {
			t.remove(old)
		}
		return err
	})
}

// ReadEntry returns the entry with e's match (and priority).
func (d *Dataplane) ReadEntry(name string, e Entry) (out Entry, err error) {
	err = d.edit(name, func(t *table) error {
		found, err := t.find(&e)
		if err == nil {
			out = d.describe(t, found)
		}
		return err
	})
	return out, err
}

// ReadEntries calls yield for each entry until it returns false, in no
// particular order, without holding the lock during yield. Entries written
// meanwhile may or may not be seen.
func (d *Dataplane) ReadEntries(name string, yield func(Entry) bool) error {
	var all []*entry
	var t *table
	if err := d.edit(name, func(tb *table) error {
		t, all = tb, append(all, tb.list...)
		return nil
	}); err != nil {
		return err
	}
	chunk := make([]Entry, 0, readChunk)
	for len(all) > 0 {
		n := min(readChunk, len(all))
		chunk = chunk[:0]
		d.mu.Lock()
		for _, e := range all[:n] {
			if !e.dead {
				chunk = append(chunk, d.describe(t, e))
			}
		}
		d.mu.Unlock()
		all = all[n:]
		for _, e := range chunk {
			if !yield(e) {
				return nil
			}
		}
	}
	return nil
}

// describe makes the control plane's view of an entry.
func (d *Dataplane) describe(t *table, e *entry) Entry {
	out := Entry{Action: e.action.info.Name, Priority: e.prio, IdleTimeout: e.timeout, Counter: e.counter, Const: e.fixed}
	if e.key != nil {
		out.Match = make([]Match, len(t.def.keys))
		for i := range t.def.keys {
			out.Match[i] = t.def.keys[i].describe(e)
		}
	}
	out.Params = make([][]byte, len(e.action.params))
	for i, p := range e.action.params {
		b := make([]byte, (p.bits+7)/8)
		if p.wide() {
			copy(b, e.wargs[p.slot:])
		} else {
			storeWords(b, e.args[p.slot:p.slot+1], p.bits)
		}
		out.Params[i] = b
	}
	if t.def.info.IdleTimeout {
		d.timeKept = false
		out.Idle = time.Duration(d.micros()-e.lastHit) * time.Microsecond
	}
	return out
}

// SetDefaultAction sets what runs on a miss.
func (d *Dataplane) SetDefaultAction(name, action string, params [][]byte) error {
	return d.edit(name, func(t *table) error {
		e, err := t.build(action, params)
		if err != nil {
			return err
		}
		if def := t.def.def; def != nil && def.Const && (t.def.fixedDefault || e.action.info.ID != def.ActionID) {
			return fmt.Errorf("default action: %w", ErrConst)
		}
		t.setMiss(e)
		return nil
	})
}

// ResetDefaultAction restores the program's default action.
func (d *Dataplane) ResetDefaultAction(name string) error {
	return d.edit(name, (*table).resetDefault)
}

// DefaultAction returns what runs on a miss: an Entry without Match. Action is
// "" if the table has no default action. Counter is its direct counter, which
// counts misses.
func (d *Dataplane) DefaultAction(name string) (out Entry, err error) {
	err = d.edit(name, func(t *table) error {
		if t.miss != nil {
			out = d.describe(t, t.miss)
			out.Const = t.def.fixedDefault
		}
		return nil
	})
	return out, err
}
