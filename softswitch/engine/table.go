package engine

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"time"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// entry is a table entry. A packet sees key, mask and action; the rest is the
// control plane's.
type entry struct {
	action *actionDef
	local  int // its index in the table
	args   []uint64
	wargs  []byte

	counter CounterValue
	meter   *meterCell
	lastHit uint64 // µs, in tables with idle timeout

	key, mask []uint64 // packed; see scanMatcher for ranges
	prefix    int      // length of the lpm field's prefix
	prio      int      // the larger wins
	seq       uint64   // order of insertion
	chain     *entry   // see ternaryMatcher
	id        string
	pos       int // in table.list
	timeout   time.Duration
	fixed     bool // const
	dead      bool // deleted
}

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

// newEntry makes an entry without key.
func (t *table) newEntry(local int, params []*big.Int) (*entry, error) {
	a := t.def.actions[local]
	if len(params) != len(a.params) {
		return nil, fmt.Errorf("action %s: %d parameters: want %d: %w", a.info.Name, len(params), len(a.params), ErrBadValue)
	}
	e := &entry{action: a, local: local, args: make([]uint64, a.argWords), wargs: make([]byte, a.argBytes)}
	for i, v := range params {
		p := a.params[i]
		if v.Sign() < 0 || v.BitLen() > p.bits {
			return nil, fmt.Errorf("action %s: parameter %s: %d bits do not fit %d: %w", a.info.Name, a.info.Params[i].Name, v.BitLen(), p.bits, ErrBadValue)
		}
		if p.wide() {
			v.FillBytes(e.wargs[p.slot:][:(p.bits+7)/8])
		} else {
			e.args[p.slot] = v.Uint64()
		}
	}
	return e, nil
}

// setKey fills in the packed key, its mask and the entry's identity.
func (t *table) setKey(e *entry, match []Match) error {
	d := t.def
	if len(match) != len(d.keys) {
		return fmt.Errorf("%d match fields: want %d: %w", len(match), len(d.keys), ErrBadValue)
	}
	e.key, e.mask = make([]uint64, d.words), make([]uint64, d.words)
	for i := range d.keys {
		k := &d.keys[i]
		value, mask, err := k.resolve(&match[i], e.fixed)
		if err != nil {
			return fmt.Errorf("match field %s: %w", k.info.Name, err)
		}
		if k.info.Kind == LPM {
			e.prefix = match[i].PrefixLen
		}
		k.put(e.key, value)
		k.put(e.mask, mask)
	}
	b := make([]byte, 0, 16*d.words+8)
	for i := range e.key {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.key[i]), e.mask[i])
	}
	if d.info.NeedsPriority {
		b = binary.BigEndian.AppendUint64(b, uint64(e.prio))
	}
	e.id = string(b)
	return nil
}

// put ors a number into the field's place in a packed key.
func (k *keyField) put(key []uint64, v *big.Int) {
	if k.words == 1 {
		key[k.word] |= v.Uint64() << k.shift
		return
	}
	copy(key[k.word:], constWords(v, k.words))
}

// get is the inverse of put.
func (k *keyField) get(key []uint64) []byte {
	b := make([]byte, (k.info.Bits+7)/8)
	if k.words == 1 {
		v := key[k.word] >> k.shift & widthMask(k.info.Bits)
		for i := len(b) - 1; i >= 0; i-- {
			b[i] = byte(v)
			v >>= 8
		}
		return b
	}
	storeWords(b, key[k.word:k.word+k.words], k.info.Bits)
	return b
}

// number checks that a big-endian value fits a width.
func number(b []byte, bits int) (*big.Int, error) {
	v := new(big.Int).SetBytes(b)
	if v.BitLen() > bits {
		return nil, fmt.Errorf("value %#x does not fit %d bits: %w", v, bits, ErrBadValue)
	}
	return v, nil
}

// resolve turns a Match into value and mask (low and high, for a range). Bits
// outside the mask are an error, or are cleared if the entry is the program's.
func (k *keyField) resolve(m *Match, clear bool) (value, mask *big.Int, err error) {
	width := k.info.Bits
	switch k.info.Kind {
	case Range:
		if m.Low == nil && m.High == nil {
			return new(big.Int), maxOf(width), nil
		}
		if value, err = number(m.Low, width); err != nil {
			return nil, nil, err
		}
		if mask, err = number(m.High, width); err != nil {
			return nil, nil, err
		}
		if value.Cmp(mask) > 0 {
			return nil, nil, fmt.Errorf("range %#x..%#x is empty: %w", value, mask, ErrBadValue)
		}
		return value, mask, nil
	case LPM:
		if m.PrefixLen < 0 || m.PrefixLen > width {
			return nil, nil, fmt.Errorf("prefix length %d: want 0 to %d: %w", m.PrefixLen, width, ErrBadValue)
		}
		mask = new(big.Int).Lsh(maxOf(m.PrefixLen), uint(width-m.PrefixLen))
	case Exact:
		if m.Value == nil {
			return nil, nil, fmt.Errorf("exact match without value: %w", ErrBadValue)
		}
		mask = maxOf(width)
	default:
		if mask, err = ternaryMask(m, width); err != nil {
			return nil, nil, err
		}
	}
	if value, err = number(m.Value, width); err != nil {
		return nil, nil, err
	}
	if clear {
		value.And(value, mask)
	}
	if new(big.Int).AndNot(value, mask).Sign() != 0 {
		return nil, nil, fmt.Errorf("value %#x has bits outside its mask %#x: %w", value, mask, ErrBadValue)
	}
	return value, mask, nil
}

// ternaryMask is the mask that was given, or all ones for a value alone.
func ternaryMask(m *Match, width int) (*big.Int, error) {
	switch {
	case m.Mask != nil:
		return number(m.Mask, width)
	case m.Value != nil:
		return maxOf(width), nil
	}
	return new(big.Int), nil
}

// constEntry makes an entry of the program's own. Its priorities are ranks,
// 1 the best; a control plane that reads them sees larger as better.
func (t *table) constEntry(j *bmv2json.Entry) (*entry, error) {
	local, err := t.actionByID(j.Action.ActionID)
	if err != nil {
		return nil, err
	}
	e, err := t.newEntry(local, j.Action.Data)
	if err != nil {
		return nil, err
	}
	e.fixed = true
	if t.def.info.NeedsPriority {
		e.prio = maxConstPriority - j.Priority
	}
	match := make([]Match, len(j.Match))
	for i := range j.Match {
		if match[i], err = constMatch(&j.Match[i]); err != nil {
			return nil, err
		}
	}
	return e, t.setKey(e, match)
}

// maxConstPriority keeps the priorities of const entries positive.
const maxConstPriority = 1 << 24

func constMatch(k *bmv2json.EntryKey) (Match, error) {
	for _, v := range []*big.Int{k.Key, k.Mask, k.Start, k.End} {
		if v != nil && v.Sign() < 0 {
			return Match{}, fmt.Errorf("negative match value %s: %w", v, ErrBadValue)
		}
	}
	if k.MatchType == "range" {
		if k.Start == nil || k.End == nil {
			return Match{}, fmt.Errorf("range without start or end: %w", ErrBadValue)
		}
		return Match{Low: k.Start.Bytes(), High: k.End.Bytes()}, nil
	}
	if k.Key == nil {
		return Match{}, fmt.Errorf("match key missing: %w", ErrBadValue)
	}
	m := Match{Value: k.Key.Bytes(), PrefixLen: k.PrefixLen}
	if k.Mask != nil {
		m.Value, m.Mask = new(big.Int).And(k.Key, k.Mask).Bytes(), k.Mask.Bytes()
	}
	return m, nil
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
