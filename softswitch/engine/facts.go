package engine

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// facts are what is known of a packet at some point of the program: the exact
// values of some words of packet.w. Wide fields are never known.
type facts struct {
	known bitset
	val   []uint64 // meaningful where known
}

func newFacts(words int) *facts {
	return &facts{known: newBitset(words), val: make([]uint64, words)}
}

func (f *facts) clone() *facts {
	return &facts{known: append(bitset(nil), f.known...), val: append([]uint64(nil), f.val...)}
}

func (f *facts) get(slot int) (uint64, bool) { return f.val[slot], f.known.has(slot) }

func (f *facts) is(slot int, v uint64) bool { return f.known.has(slot) && f.val[slot] == v }

func (f *facts) learn(slot int, v uint64) {
	f.known.add(slot)
	f.val[slot] = v
}

func (f *facts) forget(slot int) { f.known.remove(slot) }

func (f *facts) forgetAll() { clear(f.known) }

// keep forgets all words that are not in s.
func (f *facts) keep(s bitset) {
	for i := range f.known {
		f.known[i] &= s[i]
	}
}

// key is the same for the same facts.
func (f *facts) key() string {
	var b []byte
	for _, w := range f.known {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	for slot := range f.known.all {
		if v := f.val[slot]; v != 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(slot)), v)
		}
	}
	return string(b)
}

// packed are facts that are kept: most known words are 0.
type packed struct {
	known bitset
	set   []setWord // those that are not 0
	words int
}

type setWord struct {
	slot int
	v    uint64
}

func (f *facts) pack() packed {
	p := packed{known: append(bitset(nil), f.known...), words: len(f.val)}
	for slot := range f.known.all {
		if v := f.val[slot]; v != 0 {
			p.set = append(p.set, setWord{slot, v})
		}
	}
	return p
}

func (p packed) unpack() *facts {
	f := newFacts(p.words)
	copy(f.known, p.known)
	for _, s := range p.set {
		f.val[s.slot] = s.v
	}
	return f
}

// header notes that h is valid or not. A header that is not valid reads 0.
func (f *facts) header(h *headerDef, valid bool) {
	if valid {
		f.learn(h.index, 1)
		return
	}
	f.learn(h.index, 0)
	for _, s := range h.clearSlots {
		f.learn(s, 0)
	}
}

// forgetFields forgets the fields of h.
func (f *facts) forgetFields(h *headerDef) {
	for _, s := range h.clearSlots {
		f.forget(s)
	}
}

// simplify is n with what is known put in; n itself does not change.
func (f *facts) simplify(n *node) *node {
	if n == nil {
		return nil
	}
	switch n.op {
	case "const", "bool", "local":
		return n
	case "field":
		if s, ok := n.plainSlot(); ok {
			if v, known := f.get(s); known {
				return constNode(new(big.Int).SetUint64(v))
			}
		}
		return n
	case "valid":
		if h := n.hdr.hdr; h != nil && !h.meta {
			if v, known := f.get(h.index); known {
				return truthNode(v != 0)
			}
		}
		return n
	}
	m := *n
	m.left, m.right, m.cond = f.simplify(n.left), f.simplify(n.right), f.simplify(n.cond)
	return shorten(fold(&m))
}

func truthNode(v bool) *node { return &node{op: "bool", boolean: true, truth: v} }

// shorten drops operands that cannot matter any more.
func shorten(n *node) *node {
	switch n.op {
	case "and", "or":
		absorbs := n.op == "or"
		for _, pair := range [][2]*node{{n.left, n.right}, {n.right, n.left}} {
			if pair[0].op != "bool" {
				continue
			}
			if pair[0].truth == absorbs {
				return pair[0]
			}
			return pair[1]
		}
	case "?":
		if n.cond.op == "bool" {
			if n.cond.truth {
				return n.left
			}
			return n.right
		}
	}
	return n
}

// assume adds what follows from cond being v.
func (f *facts) assume(cond *node, v bool) {
	switch cond.op {
	case "not":
		f.assume(cond.right, !v)
	case "and", "or":
		if v == (cond.op == "and") {
			f.assume(cond.left, v)
			f.assume(cond.right, v)
		}
	case "valid":
		if h := cond.hdr.hdr; h != nil && !h.meta {
			f.header(h, v)
		}
	case "d2b":
		f.assumeEqual(cond.right, 0, !v)
	case "==", "!=":
		if cond.right.op == "const" && cond.right.val.IsUint64() {
			f.assumeEqual(cond.left, cond.right.val.Uint64(), v == (cond.op == "=="))
		}
	}
}

// assumeEqual notes that a field is k, or is not.
func (f *facts) assumeEqual(n *node, k uint64, equal bool) {
	s, ok := n.plainSlot()
	if !ok || k > widthMask(n.field.bits) {
		return
	}
	switch {
	case equal:
		f.learn(s, k)
	case n.field.bits == 1:
		f.learn(s, k^1)
	}
}

// reads adds the words that n reads to s.
func (n *node) reads(s bitset) {
	if n == nil {
		return
	}
	if slot, ok := n.plainSlot(); ok {
		s.add(slot)
	}
	if n.op == "valid" && n.hdr.hdr != nil {
		s.add(n.hdr.hdr.index)
	}
	n.left.reads(s)
	n.right.reads(s)
	n.cond.reads(s)
}

// bitset is a set of word indexes.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (s bitset) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s bitset) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s bitset) remove(i int)   { s[i/64] &^= 1 << (i % 64) }

func (s bitset) union(t bitset) {
	for i := range s {
		s[i] |= t[i]
	}
}

// all calls yield for each element, in order.
func (s bitset) all(yield func(int) bool) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			if !yield(i*64 + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}
