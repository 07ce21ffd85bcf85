package engine

import (
	"fmt"
	"math/big"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Transitions of a parse state.

// parseCase is one transition.
type parseCase struct {
	value, mask []uint64
	next        int
	tests       []slotTest
}

func (cs *parseCase) matches(key []uint64) bool {
	for i, v := range key {
		if v&cs.mask[i] != cs.value[i] {
			return false
		}
	}
	return true
}

// slotTest asks whether packet.w[slot]&mask is value.
type slotTest struct {
	slot        int
	mask, value uint64
}

func (st *parseState) addTransition(t *bmv2json.Transition, next func(*string) (int, error)) error {
	to, err := next(t.Next)
	if err != nil {
		return err
	}
	switch t.Type {
	case "default":
		st.def = to
		return nil
	case "hexstr":
	default:
		return unsupported("parser transition of type "+t.Type+" (value set "+t.Value+")", nil)
	}
	value, mask, err := t.Match()
	if err != nil {
		return fmt.Errorf("transition: %w", err)
	}
	size := 0
	for _, k := range st.key {
		size += k.bytes
	}
	if mask == nil {
		mask = maxOf(size * 8)
	}
	if value.Sign() < 0 || mask.Sign() < 0 || value.BitLen() > size*8 {
		return fmt.Errorf("transition value %s does not fit the key's %d bytes", t.Value, size)
	}
	mask = new(big.Int).And(mask, maxOf(size*8))
	c := parseCase{value: st.split(value, size), mask: st.split(mask, size), next: to}
	for i := range c.value {
		c.value[i] &= c.mask[i]
	}
	st.cases = append(st.cases, c)
	return nil
}

// split cuts a byte-padded concatenation into the words of the key.
func (st *parseState) split(v *big.Int, size int) []uint64 {
	b := v.FillBytes(make([]byte, size))
	var out []uint64
	for _, k := range st.key {
		w := make([]uint64, k.words)
		loadWords(w, b[:k.bytes], k.bytes*8, false)
		out, b = append(out, w...), b[k.bytes:]
	}
	return out
}

// prepare makes the tests of a key of plain fields.
func (st *parseState) prepare() {
	for _, l := range st.key {
		if l.field == nil || l.field.signed || l.words != 1 {
			return
		}
	}
	st.plain = true
	for i := range st.cases {
		cs := &st.cases[i]
		for j, l := range st.key {
			if cs.mask[j] != 0 {
				cs.tests = append(cs.tests, slotTest{l.field.slot, cs.mask[j], cs.value[j]})
			}
		}
	}
}

// match chooses the next state: way is the index of the case, or the number of
// cases for the default. ok is false if the key cannot be read.
func (st *parseState) match(c *packet) (way int, ok bool) {
	if st.plain {
		return st.choose(c), true
	}
	if st.words == 0 || len(st.cases) == 0 {
		return 0, true
	}
	key := c.tmp[:st.words]
	k := key
	for i := range st.key {
		l := &st.key[i]
		if !l.fn(c, k[:l.words]) {
			return 0, false
		}
		k = k[l.words:]
	}
	if st.words == 1 {
		v := key[0]
		for i := range st.cases {
			if cs := &st.cases[i]; v&cs.mask[0] == cs.value[0] {
				return i, true
			}
		}
		return len(st.cases), true
	}
	for i := range st.cases {
		if cs := &st.cases[i]; cs.matches(key) {
			return i, true
		}
	}
	return len(st.cases), true
}

// choose is match for a key of plain fields.
func (st *parseState) choose(c *packet) int {
next:
	for i := range st.cases {
		for _, t := range st.cases[i].tests {
			if c.w[t.slot]&t.mask != t.value {
				continue next
			}
		}
		return i
	}
	return len(st.cases)
}

// next returns the state that a way leads to.
func (st *parseState) next(way int) int {
	if way < len(st.cases) {
		return st.cases[way].next
	}
	return st.def
}
