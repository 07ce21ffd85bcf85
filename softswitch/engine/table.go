package engine

import (
	"fmt"
)

// table is the state of one table.
type table struct {
	def   *tableDef
	match matcher
	exact *hashIndex // match's, if it is exact: saves an indirect call
	key   []uint64   // scratch of node
	byID  map[string]*entry
	list  []*entry
	miss  *entry // default action; nil is none
	seq   uint64
}

func newTable(d *tableDef, now uint64) (*table, error) {
	t := &table{def: d, key: make([]uint64, d.words), byID: map[string]*entry{}, match: newMatcher(d)}
	if m, ok := t.match.(*exactMatcher); ok {
		t.exact = &m.index
	}
	if err := t.resetDefault(); err != nil {
		return nil, err
	}
	for i := range d.entries {
		e, err := t.constEntry(&d.entries[i])
		if err != nil {
			return nil, at(d.entries[i].Source, fmt.Errorf("table %s: entry %d: %w", d.info.Name, i+1, err))
		}
		if err := t.add(e, now); err != nil {
			return nil, at(d.entries[i].Source, fmt.Errorf("table %s: entry %d: %w", d.info.Name, i+1, err))
		}
	}
	return t, nil
}

func (t *table) lookup(key []uint64) *entry {
	if t.exact != nil {
		return t.exact.get(key)
	}
	return t.match.lookup(key)
}

// apply looks the packet up, and returns the way that it takes: twice the index
// of the action, plus 1 after a miss. The action is what follows.
func (t *tableDef) apply(c *packet) int {
	tb := c.dp.tables[t.info.index]
	var e *entry
	if t.load != nil {
		t.load(c, tb.key)
		e = tb.lookup(tb.key)
	}
	missed := 0
	if e == nil {
		e, missed = tb.miss, 1
	} else if t.meter != nil {
		t.runMeter(c, e)
	}
	if c.dp.watch != nil {
		c.dp.tell(tb, e, missed == 1)
	}
	if e == nil {
		return 2 * len(t.actions)
	}
	if t.counted {
		e.counter.Packets++
		e.counter.Bytes += uint64(c.inLen)
	}
	if t.info.IdleTimeout {
		e.lastHit = c.dp.micros()
	}
	c.args, c.wargs = e.args, e.wargs
	return 2*e.local + missed
}

func (t *tableDef) runMeter(c *packet, e *entry) {
	color := uint64(0)
	if e.meter != nil {
		color = e.meter.run(c.dp.micros(), t.meter.units(c))
	}
	c.w[c.dp.prog.result.slot] = color
	t.meter.put(c)
}

func (t *table) actionByID(id int) (int, error) {
	for i, a := range t.def.actions {
		if a.info.ID == id {
			return i, nil
		}
	}
	return 0, fmt.Errorf("action %d is not one of the table's: %w", id, ErrUnknownAction)
}

func (t *table) actionByName(name string) (int, error) {
	for i, a := range t.def.actions {
		if a.info.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("action %s is not one of the table's: %w", name, ErrUnknownAction)
}

// add inserts a complete entry.
func (t *table) add(e *entry, now uint64) error {
	if t.byID[e.id] != nil {
		return ErrExists
	}
	if len(t.list) >= t.def.info.MaxSize {
		return fmt.Errorf("%d entries: %w", t.def.info.MaxSize, ErrTableFull)
	}
	t.seq++
	e.seq, e.pos, e.lastHit = t.seq, len(t.list), now
	t.byID[e.id] = e
	t.list = append(t.list, e)
	t.match.insert(e)
	return nil
}

func (t *table) remove(e *entry) {
	t.match.remove(e)
	delete(t.byID, e.id)
	last := t.list[len(t.list)-1]
	t.list[e.pos], last.pos = last, e.pos
	t.list[len(t.list)-1] = nil
	t.list = t.list[:len(t.list)-1]
	e.dead = true
}

// resetDefault restores the program's default action.
func (t *table) resetDefault() error {
	d := t.def.def
	if d == nil {
		t.miss = nil
		return nil
	}
	local, err := t.actionByID(d.ActionID)
	if err != nil {
		return fmt.Errorf("table %s: default action: %w", t.def.info.Name, err)
	}
	e, err := t.newEntry(local, d.Data)
	if err != nil {
		return fmt.Errorf("table %s: default action: %w", t.def.info.Name, err)
	}
	t.setMiss(e)
	return nil
}

// setMiss replaces the default action; its counter goes on.
func (t *table) setMiss(e *entry) {
	if t.miss != nil {
		e.counter = t.miss.counter
	}
	t.miss = e
}
