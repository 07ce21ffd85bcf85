package cluster

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Balance says which node is to master each switch, given who holds it now
// (nobody, or a node that is not there: it is free). Every node gets as many as
// every other or one more, and no more switches leave a node than that takes.
// What it returns depends on nothing else, so that all nodes find the same.
func Balance(nodes, switches []string, held map[string]string) map[string]string {
	nodes, switches = sorted(nodes), sorted(switches)
	targets := make(map[string]string, len(switches))
	if len(nodes) == 0 {
		return targets
	}
	room := shares(nodes, switches, held)
	var free []string
	for _, sw := range switches {
		if holder := held[sw]; room[holder] > 0 {
			room[holder]--
			targets[sw] = holder
		} else {
			free = append(free, sw)
		}
	}
	for _, sw := range free {
		node := favorite(nodes, room, sw)
		room[node]--
		targets[sw] = node
	}
	return targets
}

// shares is how many switches each node is to have. What does not come out even
// goes to those that have most already.
func shares(nodes, switches []string, held map[string]string) map[string]int {
	load := map[string]int{}
	for _, sw := range switches {
		load[held[sw]]++
	}
	byLoad := slices.Clone(nodes)
	slices.SortStableFunc(byLoad, func(a, b string) int { return cmp.Compare(load[b], load[a]) })
	room := map[string]int{}
	for i, node := range byLoad {
		room[node] = len(switches) / len(nodes)
		if i < len(switches)%len(nodes) {
			room[node]++
		}
	}
	return room
}

// favorite is the node with room that a switch likes most: so what two nodes
// find from views that differ a little differs little.
func favorite(nodes []string, room map[string]int, sw string) (best string) {
	var most uint64
	for _, node := range nodes {
		if room[node] == 0 {
			continue
		}
		sum := sha256.Sum256([]byte(node + "\x00" + sw))
		if liking := binary.BigEndian.Uint64(sum[:]); best == "" || liking > most {
			best, most = node, liking
		}
	}
	return best
}

// sorted is a sorted copy of a list, each element once.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
