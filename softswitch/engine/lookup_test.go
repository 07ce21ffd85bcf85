package engine

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// The oracle of the match structures: a linear scan over all entries.

func scanFor(list []*entry, kind MatchKind, key []uint64) *entry {
	var found *entry
	for _, e := range list {
		hit := true
		for i, v := range key {
			hit = hit && v&e.mask[i] == e.key[i]
		}
		switch {
		case !hit:
		case found == nil, kind == LPM && e.prefix > found.prefix, kind == Ternary && better(e, found):
			found = e
		}
	}
	return found
}

// smallKey draws from few values, so that keys collide and overlap.
func smallKey(t *rapid.T, words int) []uint64 {
	k := make([]uint64, words)
	for i := range k {
		k[i] = rapid.Uint64Range(0, 3).Draw(t, "low") | rapid.Uint64Range(0, 3).Draw(t, "high")<<62
	}
	return k
}

func genEntry(t *rapid.T, kind MatchKind, words int, seq uint64) *entry {
	e := &entry{key: smallKey(t, words), mask: make([]uint64, words), seq: seq}
	for i := range e.mask {
		e.mask[i] = ^uint64(0)
	}
	switch kind {
	case LPM: // the last word is the prefix, as if the others were exact
		e.prefix = rapid.SampledFrom([]int{0, 1, 2, 62, 63, 64}).Draw(t, "prefix")
		e.mask[words-1] = ^uint64(0) << (64 - e.prefix)
	case Ternary:
		e.prio = rapid.IntRange(1, 4).Draw(t, "prio")
		for i := range e.mask {
			e.mask[i] = rapid.SampledFrom([]uint64{0, 1, 3, 3 << 62, ^uint64(0)}).Draw(t, "mask")
		}
	}
	for i := range e.key {
		e.key[i] &= e.mask[i]
	}
	b := []byte{byte(e.prefix), byte(e.prio)}
	for i := range e.key {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.key[i]), e.mask[i])
	}
	e.id = string(b)
	return e
}

func TestMatchersAgainstLinearScan(t *testing.T) {
	for _, kind := range []MatchKind{Exact, LPM, Ternary} {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				words := rapid.IntRange(1, 3).Draw(t, "words")
				m := newMatcher(&tableDef{kind: kind, words: words})
				byID := map[string]*entry{}
				var list []*entry
				for i := range rapid.IntRange(1, 80).Draw(t, "steps") {
					switch rapid.IntRange(0, 3).Draw(t, "step") {
					case 0, 1:
						e := genEntry(t, kind, words, uint64(i))
						if byID[e.id] == nil {
							byID[e.id] = e
							list = append(list, e)
							m.insert(e)
						}
					case 2:
						if len(list) > 0 {
							e := list[rapid.IntRange(0, len(list)-1).Draw(t, "victim")]
							m.remove(e)
							list = removeFrom(list, e)
							delete(byID, e.id)
						}
					}
					key := smallKey(t, words)
					if got, want := m.lookup(key), scanFor(list, kind, key); got != want {
						t.Fatalf("lookup(%x) = %+v, want %+v", key, got, want)
					}
				}
			})
		})
	}
}

func TestHashIndexKeepsWhatIsNotDeleted(t *testing.T) {
	h := hashIndex{n: 1}
	for i := range uint64(5000) {
		h.put([]uint64{i * i}, &entry{prio: int(i)})
	}
	for i := uint64(0); i < 5000; i += 3 {
		h.del([]uint64{i * i})
	}
	for i := range uint64(5000) {
		e := h.get1(i * i)
		if want := i%3 != 0; (e != nil) != want || e != nil && e.prio != int(i) {
			t.Fatalf("get(%d) = %v", i*i, e)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	const n = 100_000
	for _, kind := range []MatchKind{Exact, LPM, Ternary} {
		b.Run(kind.String(), func(b *testing.B) {
			m := newMatcher(&tableDef{kind: kind, words: 1})
			for i := range n {
				e := &entry{key: []uint64{uint64(i) * 2654435761 & 0xffffffff}, mask: []uint64{0xffffffff}, prio: i}
				switch kind {
				case LPM:
					e.prefix = 8 + i%25
					e.mask[0] = 0xffffffff << (32 - e.prefix) & 0xffffffff
				case Ternary:
					e.mask[0] = []uint64{0xffffffff, 0xffffff00, 0xffff0000, 0x0000ffff}[i%4]
				}
				e.key[0] &= e.mask[0]
				m.insert(e)
			}
			var key [1]uint64
			i := uint64(0)
			for b.Loop() {
				key[0] = i * 2654435761 & 0xffffffff
				m.lookup(key[:])
				i++
			}
		})
	}
}
