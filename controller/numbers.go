package controller

import (
	"maps"
	"slices"
)

// Numbers are the small numbers by which each switch knows named things:
// payload store slots of channels and streams, and indexes of RLOCs and of sets
// of them.
type Numbers map[string]SwitchNumbers // by switch

// SwitchNumbers are the numbers of one switch.
type SwitchNumbers struct {
	Channels map[string]int // slot by name of a channel's store, one a family
	Streams  map[string]int // slot by name of the stream's store (the channel's, where known)
	Peers    map[string]int // source RLOCs of streams, by address; 0 is none of them
	RLOCs    map[string]int // index by address
	Sets     map[string]int // by what the set holds; 0 is none
}

// allot numbers the wanted names from first up to limit (exclusive). A name
// that had a number keeps it; new ones get the lowest free numbers in order of
// name. Names that find no number are left out and returned.
func allot(before map[string]int, wanted []string, first, limit int) (numbers map[string]int, left []string) {
	numbers = map[string]int{} // many of the wanted may be the same
	used := map[int]bool{}
	fresh := map[string]bool{}
	for _, name := range wanted {
		if n, ok := before[name]; ok {
			numbers[name], used[n] = n, true
		} else {
			fresh[name] = true
		}
	}
	next := first
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		for used[next] {
			next++
		}
		if next >= limit {
			left = append(left, name)
			continue
		}
		numbers[name] = next
		next++
	}
	return numbers, left
}

func (n SwitchNumbers) clone() SwitchNumbers {
	return SwitchNumbers{
		Channels: maps.Clone(n.Channels), Streams: maps.Clone(n.Streams), Peers: maps.Clone(n.Peers),
		RLOCs: maps.Clone(n.RLOCs), Sets: maps.Clone(n.Sets),
	}
}
