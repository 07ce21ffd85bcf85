package cluster

import (
	"slices"
	"strings"

	"github.com/corecast/corecast/store"
)

// view is what the store has said. Cluster.mu guards it.
type view struct {
	epoch   uint64            // added to revisions for election ids; 0: there is none
	members map[string]Member // by id
	holders map[string]holder // by switch
	status  map[string][]byte // by switch
	ignored map[string]error  // keys that make no sense, and why; bounded by maxIgnored
}

// holder is who holds the mastership of a switch.
type holder struct {
	node    string
	created store.Revision
	lease   store.LeaseID
}

const maxIgnored = 100

func newView() view {
	return view{members: map[string]Member{}, holders: map[string]holder{}, status: map[string][]byte{}, ignored: map[string]error{}}
}

// note takes in an entry that was put or deleted.
func (v *view) note(ev store.Event) {
	delete(v.ignored, ev.Key)
	if ev.Key == epochKey {
		v.epoch, _ = epochOf(ev.Value) // beginEpoch tells what is wrong with it
	} else if id, ok := strings.CutPrefix(ev.Key, nodeKeys); ok {
		v.noteMember(id, ev)
	} else if name, ok := strings.CutPrefix(ev.Key, switchKeys); ok {
		delete(v.holders, name)
		if !ev.Deleted {
			v.holders[name] = holder{string(ev.Value), ev.Created, ev.Lease}
		}
	} else if name, ok := strings.CutPrefix(ev.Key, statusKeys); ok {
		delete(v.status, name)
		if !ev.Deleted {
			v.status[name] = ev.Value
		}
	}
}

func (v *view) noteMember(id string, ev store.Event) {
	delete(v.members, id)
	if ev.Deleted {
		return
	}
	m, err := decodeMember(id, ev.Value)
	if err == nil {
		v.members[id] = m
	} else if len(v.ignored) < maxIgnored {
		v.ignored[ev.Key] = err
	}
}

// decision is what a node is to do about some switches.
type decision struct{ release, acquire []string }

// decide finds what node self is to do, as one that knows certain switches
// (sorted). Nodes with the same switches share them; what a node with others holds
// is left to it.
func (v *view) decide(self string, switches []string) (d decision) {
	nodes, ours := []string{self}, digest(switches)
	for id, m := range v.members {
		if m.Switches == ours {
			nodes = append(nodes, id)
		}
	}
	held := map[string]string{}
	var shared []string
	for _, sw := range switches {
		h, taken := v.holders[sw]
		if taken && !slices.Contains(nodes, h.node) {
			continue
		}
		shared = append(shared, sw)
		held[sw] = h.node
	}
	for sw, target := range Balance(nodes, shared, held) {
		switch {
		case held[sw] == "" && target == self:
			d.acquire = append(d.acquire, sw)
		case held[sw] == self && target != self:
			d.release = append(d.release, sw)
		}
	}
	for sw, h := range v.holders {
		if _, known := slices.BinarySearch(switches, sw); h.node == self && !known {
			d.release = append(d.release, sw)
		}
	}
	slices.Sort(d.acquire)
	slices.Sort(d.release)
	return d
}
