package engine

import (
	"math/bits"
	"slices"
)

// hashIndex maps keys of n words to entries: open addressing with linear
// probing and deletion by shifting back, so that a miss ends at the first
// empty slot. Only the control plane chooses its keys.
type hashIndex struct {
	n    int
	mask uint64
	keys []uint64 // n per slot
	vals []*entry // nil: empty
	used int
}

const (
	mixA = 0x9e3779b97f4a7c15
	mixB = 0xd6e8feb86659fd93
)

func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^mixB, mixA)
	return hi ^ lo
}

func (h *hashIndex) slot(key []uint64) uint64 {
	x := uint64(mixA)
	for _, w := range key {
		x = mix(x, w)
	}
	return x & h.mask
}

// get returns the entry with that key, or nil.
func (h *hashIndex) get(key []uint64) *entry {
	if h.used == 0 {
		return nil
	}
	if h.n == 1 {
		return h.get1(key[0])
	}
	for i := h.slot(key); ; i = (i + 1) & h.mask {
		e := h.vals[i]
		if e == nil || slices.Equal(h.keys[int(i)*h.n:][:h.n], key) {
			return e
		}
	}
}

func (h *hashIndex) get1(key uint64) *entry {
	if h.used == 0 {
		return nil
	}
	for i := mix(mixA, key) & h.mask; ; i = (i + 1) & h.mask {
		e := h.vals[i]
		if e == nil || h.keys[i] == key {
			return e
		}
	}
}

// put adds or replaces the entry with that key.
func (h *hashIndex) put(key []uint64, e *entry) {
	if uint64(h.used+1)*2 > uint64(len(h.vals)) {
		h.resize()
	}
	i := h.slot(key)
	for h.vals[i] != nil && !slices.Equal(h.key(i), key) {
		i = (i + 1) & h.mask
	}
	if h.vals[i] == nil {
		h.used++
		copy(h.key(i), key)
	}
	h.vals[i] = e
}

func (h *hashIndex) key(i uint64) []uint64 { return h.keys[int(i)*h.n:][:h.n] }

func (h *hashIndex) resize() {
	old := *h
	size := max(8, 2*len(old.vals))
	*h = hashIndex{n: old.n, mask: uint64(size - 1), keys: make([]uint64, size*old.n), vals: make([]*entry, size)}
	for i, e := range old.vals {
		if e != nil {
			h.put(old.key(uint64(i)), e)
		}
	}
}

// del removes the entry with that key.
func (h *hashIndex) del(key []uint64) {
	if h.used == 0 {
		return
	}
	i := h.slot(key)
	for {
		if h.vals[i] == nil {
			return
		}
		if slices.Equal(h.key(i), key) {
			break
		}
		i = (i + 1) & h.mask
	}
	h.used--
	for j := i; ; {
		j = (j + 1) & h.mask
		if h.vals[j] == nil {
			break
		}
		// An entry may move back to i unless its own slot lies after i.
		if home := h.slot(h.key(j)); (j-home)&h.mask >= (j-i)&h.mask {
			h.vals[i] = h.vals[j]
			copy(h.key(i), h.key(j))
			i = j
		}
	}
	h.vals[i] = nil
}
