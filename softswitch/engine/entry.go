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
