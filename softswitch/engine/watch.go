package engine

// Step is what one table did with a packet.
type Step struct {
	Table *TableInfo
	// Key is what was looked up: a value for each of Table.Keys, big-endian.
	Key [][]byte
	Hit bool
	// Entry is what was found, or the table's default action after a miss; nil
	// if it has none.
	Entry *Entry
}

// Watch is Process that also tells step, in order, what each table that the
// packet meets does with it, and all that it becomes. step must not call back
// into the Dataplane. Tables without key that the compiler made are left out.
func (d *Dataplane) Watch(inPort uint32, frame []byte, out Emit, step func(Step)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.emit, d.timeKept, d.watch = out, false, step
	d.processLocked(inPort, frame)
	d.emit, d.watch = nil, nil
}

// tell tells the watcher what a table has found.
func (d *Dataplane) tell(tb *table, e *entry, missed bool) {
	t := tb.def
	if t.info.Hidden {
		return
	}
	s := Step{Table: t.info, Hit: !missed}
	for i := range t.keys {
		s.Key = append(s.Key, t.keys[i].get(tb.key))
	}
	if e != nil {
		found := d.describe(tb, e)
		s.Entry = &found
	}
	d.watch(s)
}
