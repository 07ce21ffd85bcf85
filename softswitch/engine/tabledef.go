package engine

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// tableDef is the compiled, immutable part of a table.
type tableDef struct {
	info    *TableInfo
	keys    []keyField
	words   int // of the packed key
	kind    MatchKind
	actions []*actionDef
	next    []int // per action of the table
	hit     *int  // next node by hit or miss, if the program asks for that
	miss    *int
	none    int // next node if there is no action to run
	def     *bmv2json.ActionEntry
	entries []bmv2json.Entry
	meter   *meterDef
	counted bool
	load    func(c *packet, key []uint64)

	fixedDefault bool // parameters of the default action are const too
}

// keyField is one field of a key and its place in the packed key.
type keyField struct {
	info  KeyInfo
	field *fieldLoc
	mask  *big.Int // static, or nil
	word  int      // first word
	shift uint     // of fields up to 64 bits, in the word
	words int
}

// maxTableSize bounds what a table announces; entries are allocated as they
// are written.
const maxTableSize = 1 << 30

func (p *Program) compileTable(j *bmv2json.Table, gr *graph, self int) (n controlNode, err error) {
	if j.Type != "simple" && j.Type != "" {
		return n, fmt.Errorf("implementation %q: %w", j.Type, ErrUnsupported)
	}
	t := &tableDef{def: j.Default, entries: j.Entries, counted: j.WithCounters}
	t.info = &TableInfo{
		Name: j.Name, ID: j.ID, MaxSize: min(j.MaxSize, maxTableSize), ConstEntries: len(j.Entries) > 0,
		IdleTimeout: j.SupportTimeout, Hidden: j.Source == nil && len(j.Key) == 0, index: len(p.tables),
	}
	if err := t.addKeys(p, j); err != nil {
		return n, err
	}
	if err := t.addActions(p, j, gr, self); err != nil {
		return n, err
	}
	if j.Default != nil {
		t.info.ConstDefault = j.Default.EntryConst && j.Default.Const
		t.fixedDefault = t.info.ConstDefault
	}
	if j.DirectMeter != nil {
		m := p.directMeters[*j.DirectMeter]
		if m == nil {
			return n, fmt.Errorf("no direct meter %q", *j.DirectMeter)
		}
		t.meter, t.info.DirectMeter = m, *j.DirectMeter
	}
	for _, c := range p.counterInfos {
		if c.Direct == j.Name {
			t.info.DirectCounter = c.Name
		}
	}
	p.tables = append(p.tables, t)
	p.tableByName[j.Name] = t
	return t.node(), nil
}

func (t *tableDef) addKeys(p *Program, j *bmv2json.Table) error {
	for i := range j.Key {
		k, err := p.newKeyField(&j.Key[i])
		if err != nil {
			return fmt.Errorf("key %s: %w", j.Key[i].Name, err)
		}
		t.keys = append(t.keys, k)
		t.info.Keys = append(t.info.Keys, k.info)
		switch {
		case k.info.Kind == Range:
			t.kind = Range
		case k.info.Kind == Ternary || k.info.Kind == Optional:
			t.kind = max(t.kind, Ternary)
		case k.info.Kind == LPM:
			t.kind = max(t.kind, LPM)
		}
	}
	t.info.NeedsPriority = t.kind >= Ternary
	t.pack()
	return nil
}

func (p *Program) newKeyField(j *bmv2json.Key) (keyField, error) {
	kinds := map[string]MatchKind{
		"exact": Exact, "lpm": LPM, "ternary": Ternary, "range": Range, "optional": Optional, "valid": Exact,
	}
	kind, ok := kinds[j.MatchType]
	if !ok {
		return keyField{}, fmt.Errorf("match kind %q: %w", j.MatchType, ErrUnsupported)
	}
	name := j.Target.Field
	if j.MatchType == "valid" {
		name = "$valid$"
	}
	f, err := p.layout.field(j.Target.Header, name)
	if err != nil {
		return keyField{}, err
	}
	if kind == Range && f.wide() {
		return keyField{}, fmt.Errorf("range match on %d bits: %w", f.bits, ErrUnsupported)
	}
	return keyField{info: KeyInfo{Name: j.Name, Kind: kind, Bits: f.bits}, field: f, mask: j.Mask}, nil
}

// pack gives every key field its bits. Fields share a word while they fit
// into it; range fields and wide ones have words of their own.
func (t *tableDef) pack() {
	used, word := 0, -1
	for i := range t.keys {
		k := &t.keys[i]
		k.words = (k.info.Bits + 63) / 64
		if k.words > 1 || k.info.Kind == Range || word < 0 || used+k.info.Bits > 64 {
			k.word, k.shift = t.words, 0
			t.words += k.words
			word, used = k.word, k.info.Bits
			if k.words > 1 || k.info.Kind == Range {
				word = -1
			}
			continue
		}
		k.word, k.shift = word, uint(used)
		used += k.info.Bits
	}
}

func (t *tableDef) addActions(p *Program, j *bmv2json.Table, gr *graph, self int) error {
	ids := j.ActionIDs
	if len(ids) == 0 && len(j.Actions) > 0 { // documents older than 2.0
		for _, name := range j.Actions {
			a := p.actionByName(name)
			if a == nil {
				return fmt.Errorf("no action %q", name)
			}
			ids = append(ids, a.info.ID)
		}
	}
	var err error
	if t.none, err = gr.resolve(self, j.DefaultNext); err != nil {
		return err
	}
	for _, id := range ids {
		a := p.actionByID[id]
		if a == nil {
			return fmt.Errorf("no action with id %d", id)
		}
		next, ok := j.Next[a.info.Name]
		n := t.none
		if ok {
			if n, err = gr.resolve(self, next); err != nil {
				return err
			}
		}
		t.actions = append(t.actions, a)
		t.next = append(t.next, n)
		t.info.Actions = append(t.info.Actions, a.info)
	}
	if t.hit, err = hitMiss(gr, self, j, "__HIT__"); err != nil {
		return err
	}
	t.miss, err = hitMiss(gr, self, j, "__MISS__")
	return err
}

// hitMiss resolves a next node by hit or miss; nil if the table has none.
func hitMiss(gr *graph, self int, j *bmv2json.Table, label string) (*int, error) {
	next, ok := j.Next[label]
	if !ok {
		return nil, nil
	}
	n, err := gr.resolve(self, next)
	return &n, err
}

// node makes the table's node. A table that can only ever run one action
// without parameters, which is what p4c makes of statements between tables, is
// a call.
func (t *tableDef) node() controlNode {
	if a, next, ok := t.constCall(); ok {
		return controlNode{call: a, next: [2]int{next}}
	}
	if len(t.keys) > 0 {
		t.load = t.loader()
	}
	return controlNode{table: t}
}

func (t *tableDef) constCall() (a *actionDef, next int, ok bool) {
	if len(t.keys) > 0 || !t.fixedDefault || t.counted || t.meter != nil || t.info.IdleTimeout {
		return nil, 0, false
	}
	local := slices.IndexFunc(t.actions, func(a *actionDef) bool { return a.info.ID == t.def.ActionID })
	if local < 0 || len(t.actions[local].params) > 0 {
		return nil, 0, false
	}
	next = t.next[local]
	if t.miss != nil {
		next = *t.miss
	}
	return t.actions[local], next, true
}

// ways is how many ways lead on from the table: by action, after a hit and
// after a miss, and one without an action.
func (t *tableDef) ways() int { return 2*len(t.actions) + 1 }

// way returns what follows: an action of the table, then a node.
func (t *tableDef) way(i int) place {
	label := t.hit
	if i%2 == 1 || i == 2*len(t.actions) {
		label = t.miss
	}
	to := place{node: t.none}
	if i < 2*len(t.actions) {
		to = place{action: t.actions[i/2], node: t.next[i/2]}
	}
	if label != nil {
		to.node = *label
	}
	return to
}

// keyMove loads a plain field into a key word.
type keyMove struct {
	slot, word int
	shift      uint
	mask       uint64
}

// loader compiles the building of the packed key.
func (t *tableDef) loader() func(*packet, []uint64) {
	var moves []keyMove
	var wides []func(*packet, []uint64)
	for i := range t.keys {
		k := &t.keys[i]
		if !k.field.wide() {
			mask := widthMask(k.info.Bits)
			if k.mask != nil {
				mask &= lowWord(k.mask)
			}
			moves = append(moves, keyMove{slot: k.field.slot, word: k.word, shift: k.shift, mask: mask})
			continue
		}
		wides = append(wides, k.wideLoader())
	}
	if t.words == 1 && len(moves) == 1 {
		m := moves[0]
		return func(c *packet, key []uint64) { key[0] = c.w[m.slot] & m.mask }
	}
	return func(c *packet, key []uint64) {
		clear(key)
		for i := range moves {
			m := &moves[i]
			key[m.word] |= (c.w[m.slot] & m.mask) << m.shift
		}
		for _, w := range wides {
			w(c, key)
		}
	}
}

func (k *keyField) wideLoader() func(*packet, []uint64) {
	x, word, words := wideField(k.field), k.word, k.words
	var mask []uint64
	if k.mask != nil {
		mask = constWords(k.mask, words)
	}
	width := k.info.Bits
	return func(c *packet, key []uint64) {
		dst := key[word : word+words]
		x(c, dst)
		if r := width % 64; r != 0 {
			dst[words-1] &= widthMask(r) // a signed field's sign
		}
		if mask != nil {
			andWords(dst, mask)
		}
	}
}
