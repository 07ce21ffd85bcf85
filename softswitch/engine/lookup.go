package engine

import (
	"cmp"
	"slices"
)

// A matcher finds the entry that a packed key hits. Its owner is a table, and
// it knows nothing of actions.
type matcher interface {
	lookup(key []uint64) *entry
	insert(e *entry)
	remove(e *entry)
}

func newMatcher(d *tableDef) matcher {
	switch d.kind {
	case Exact:
		return &exactMatcher{hashIndex{n: d.words}}
	case LPM:
		return &lpmMatcher{n: d.words, tmp: make([]uint64, d.words)}
	case Ternary:
		return &ternaryMatcher{n: d.words, tmp: make([]uint64, d.words)}
	}
	m := &scanMatcher{isRange: make([]bool, d.words)}
	for _, k := range d.keys {
		if k.info.Kind == Range {
			m.isRange[k.word] = true
		}
	}
	return m
}

type exactMatcher struct{ index hashIndex }

func (m *exactMatcher) lookup(key []uint64) *entry { return m.index.get(key) }
func (m *exactMatcher) insert(e *entry)            { m.index.put(e.key, e) }
func (m *exactMatcher) remove(e *entry)            { m.index.del(e.key) }

// lpmMatcher has a hash index per prefix length, the longest first.
type lpmMatcher struct {
	n      int
	levels []lpmLevel
	tmp    []uint64
}

type lpmLevel struct {
	length int
	mask   []uint64
	index  hashIndex
}

func (m *lpmMatcher) lookup(key []uint64) *entry {
	if m.n == 1 {
		k := key[0]
		for i := range m.levels {
			l := &m.levels[i]
			if e := l.index.get1(k & l.mask[0]); e != nil {
				return e
			}
		}
		return nil
	}
	for i := range m.levels {
		l := &m.levels[i]
		for j, w := range key {
			m.tmp[j] = w & l.mask[j]
		}
		if e := l.index.get(m.tmp); e != nil {
			return e
		}
	}
	return nil
}

func (m *lpmMatcher) level(length int) (int, bool) {
	return slices.BinarySearchFunc(m.levels, length, func(l lpmLevel, n int) int { return cmp.Compare(n, l.length) })
}

func (m *lpmMatcher) insert(e *entry) {
	i, ok := m.level(e.prefix)
	if !ok {
		m.levels = slices.Insert(m.levels, i, lpmLevel{length: e.prefix, mask: e.mask, index: hashIndex{n: m.n}})
	}
	m.levels[i].index.put(e.key, e)
}

func (m *lpmMatcher) remove(e *entry) {
	i, ok := m.level(e.prefix)
	if !ok {
		return
	}
	m.levels[i].index.del(e.key)
	if m.levels[i].index.used == 0 {
		m.levels = slices.Delete(m.levels, i, i+1)
	}
}

// better says that a is preferred to b: the higher priority, then the older.
func better(a, b *entry) bool {
	if a.prio != b.prio {
		return a.prio > b.prio
	}
	return a.seq < b.seq
}

// insertOrdered keeps list ordered by better.
func insertOrdered(list []*entry, e *entry) []*entry {
	i, _ := slices.BinarySearchFunc(list, e, func(a, b *entry) int {
		if better(a, b) {
			return -1
		}
		return 1
	})
	return slices.Insert(list, i, e)
}

func removeFrom(list []*entry, e *entry) []*entry {
	if i := slices.Index(list, e); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// ternaryMatcher is a tuple space: a group per distinct mask, each an index
// from masked key to entries, the best first. Groups are ordered by the best
// priority they ever held, so that a search ends early.
type ternaryMatcher struct {
	n      int
	groups []*maskGroup
	tmp    []uint64
}

type maskGroup struct {
	mask  []uint64
	best  int
	count int
	index hashIndex // values are heads of chains (entry.chain)
}

func (m *ternaryMatcher) lookup(key []uint64) *entry {
	var found *entry
	for _, g := range m.groups {
		if found != nil && found.prio > g.best {
			break
		}
		for j, w := range key {
			m.tmp[j] = w & g.mask[j]
		}
		if e := g.index.get(m.tmp); e != nil && (found == nil || better(e, found)) {
			found = e
		}
	}
	return found
}

func (m *ternaryMatcher) group(mask []uint64) int {
	return slices.IndexFunc(m.groups, func(g *maskGroup) bool { return slices.Equal(g.mask, mask) })
}

func (m *ternaryMatcher) insert(e *entry) {
	i := m.group(e.mask)
	var g *maskGroup
	if i >= 0 {
		g = m.groups[i]
	} else {
		g = &maskGroup{mask: e.mask, best: e.prio, index: hashIndex{n: m.n}}
		m.groups = append(m.groups, g)
	}
	g.count++
	g.best = max(g.best, e.prio)
	slices.SortStableFunc(m.groups, func(a, b *maskGroup) int { return cmp.Compare(b.best, a.best) })

	head := g.index.get(e.key)
	if head == nil || better(e, head) {
		e.chain = head
		g.index.put(e.key, e)
		return
	}
	p := head
	for p.chain != nil && better(p.chain, e) {
		p = p.chain
	}
	e.chain, p.chain = p.chain, e
}

func (m *ternaryMatcher) remove(e *entry) {
	i := m.group(e.mask)
	if i < 0 {
		return
	}
	g := m.groups[i]
	head := g.index.get(e.key)
	switch {
	case head != e:
		for p := head; p != nil; p = p.chain {
			if p.chain == e {
				p.chain = e.chain
				break
			}
		}
	case e.chain != nil:
		g.index.put(e.key, e.chain)
	default:
		g.index.del(e.key)
	}
	e.chain = nil
	if g.count--; g.count == 0 {
		m.groups = slices.Delete(m.groups, i, i+1)
	}
}

// scanMatcher tries entries one by one, the best first: for tables with
// ranges. In a range's word, entry.key is the low end and entry.mask the high.
type scanMatcher struct {
	isRange []bool
	entries []*entry
}

func (m *scanMatcher) lookup(key []uint64) *entry {
	for _, e := range m.entries {
		if m.matches(e, key) {
			return e
		}
	}
	return nil
}

func (m *scanMatcher) matches(e *entry, key []uint64) bool {
	for i, v := range key {
		if m.isRange[i] {
			if v < e.key[i] || v > e.mask[i] {
				return false
			}
		} else if v&e.mask[i] != e.key[i] {
			return false
		}
	}
	return true
}

func (m *scanMatcher) insert(e *entry) { m.entries = insertOrdered(m.entries, e) }
func (m *scanMatcher) remove(e *entry) { m.entries = removeFrom(m.entries, e) }
