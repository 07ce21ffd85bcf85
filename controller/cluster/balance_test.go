package cluster

import (
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func names(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(prefix, i)
	}
	return list
}

func TestBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := names("n", rapid.IntRange(1, 6).Draw(t, "nodes"))
		switches := names("s", rapid.IntRange(0, 40).Draw(t, "switches"))
		held := map[string]string{}
		for _, sw := range switches {
			if holder := rapid.SampledFrom(append(names("n", 8), "", "")).Draw(t, sw); holder != "" {
				held[sw] = holder
			}
		}
		got := Balance(nodes, switches, held)
		load, moves, loadBefore := map[string]int{}, 0, map[string]int{}
		for _, sw := range switches {
			if !slices.Contains(nodes, got[sw]) {
				t.Fatalf("%s goes to %q, which is not there", sw, got[sw])
			}
			load[got[sw]]++
			if before := held[sw]; slices.Contains(nodes, before) {
				loadBefore[before]++
				if before != got[sw] {
					moves++
				}
			}
		}
		if len(got) != len(switches) {
			t.Fatalf("%d of %d switches have a master", len(got), len(switches))
		}
		low, high := len(switches), 0
		for _, node := range nodes {
			low, high = min(low, load[node]), max(high, load[node])
		}
		if high-low > 1 {
			t.Fatalf("not even: %v", load)
		}
		if fewest := fewestMoves(nodes, loadBefore, len(switches)); moves != fewest {
			t.Fatalf("%d switches leave a node that is there; %d would do", moves, fewest)
		}
		if again := Balance(nodes, switches, got); !maps.Equal(again, got) {
			t.Fatalf("it is not at rest: %v, then %v", got, again)
		}
		shuffle(nodes)
		shuffle(switches)
		if other := Balance(nodes, switches, held); !maps.Equal(other, got) {
			t.Fatalf("it depends on the order: %v and %v", got, other)
		}
	})
}

func shuffle(list []string) {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// fewestMoves tries every way to give the odd switches to nodes.
func fewestMoves(nodes []string, load map[string]int, switches int) int {
	fewest := switches
	for odd := range 1 << len(nodes) {
		if bits.OnesCount(uint(odd)) != switches%len(nodes) {
			continue
		}
		moves := 0
		for i, node := range nodes {
			moves += max(0, load[node]-switches/len(nodes)-odd>>i&1)
		}
		fewest = min(fewest, moves)
	}
	return fewest
}

func TestBalanceWithoutNodes(t *testing.T) {
	if got := Balance(nil, names("s", 3), map[string]string{"s1": "gone"}); len(got) != 0 {
		t.Errorf("nobody is there, and %v", got)
	}
}
