package controller

import "slices"

// numbering gives the numbers of one kind to names for as long as something
// uses them. A number that a change of mappings gives up is given again only
// when the switch holds no entry with its old meaning.
type numbering struct {
	limit   int // exclusive
	next    int // the lowest that was never given
	numbers map[string]int
	uses    map[string]int
	free    []int // descending, below next
	parked  []parked
}

// parked is a number that was given up by a change of the plan.
type parked struct {
	n       int
	version uint64
}

// newNumbering starts with numbers that nothing uses yet.
func newNumbering(numbers map[string]int, first, limit int) *numbering {
	g := &numbering{limit: limit, next: first, numbers: numbers, uses: make(map[string]int, len(numbers))}
	taken := make(map[int]bool, len(numbers))
	for _, n := range numbers {
		taken[n] = true
		g.next = max(g.next, n+1)
	}
	for n := g.next - 1; n >= first; n-- {
		if !taken[n] {
			g.free = append(g.free, n)
		}
	}
	return g
}

// use returns the number of a name, giving it the lowest free one if it has
// none, and whether this is its first use; ok is false if there is none left.
func (g *numbering) use(name string) (n int, first, ok bool) {
	n, ok = g.numbers[name]
	if !ok {
		if n, ok = g.take(); !ok {
			return 0, false, false
		}
		g.numbers[name] = n
	}
	g.uses[name]++
	return n, g.uses[name] == 1, true
}

func (g *numbering) take() (int, bool) {
	if last := len(g.free) - 1; last >= 0 {
		n := g.free[last]
		g.free = g.free[:last]
		return n, true
	}
	if g.next >= g.limit {
		return 0, false
	}
	g.next++
	return g.next - 1, true
}

// leave ends one use of a name by the change that makes version, and reports
// whether it was the last.
func (g *numbering) leave(name string, version uint64) (last bool) {
	if g.uses[name]--; g.uses[name] > 0 {
		return false
	}
	g.parked = append(g.parked, parked{g.numbers[name], version})
	delete(g.numbers, name)
	delete(g.uses, name)
	return true
}

// settle frees the numbers given up by changes up to version: the switch holds
// none of them any more. It reports whether there were any.
func (g *numbering) settle(version uint64) (freed bool) {
	for len(g.parked) > 0 && g.parked[0].version <= version {
		g.free = append(g.free, g.parked[0].n)
		g.parked = g.parked[1:]
		freed = true
	}
	if freed {
		slices.SortFunc(g.free, func(a, b int) int { return b - a })
	}
	return freed
}
