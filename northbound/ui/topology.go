package ui

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
)

// topology is the network as channels use it: sources, ITRs, ETRs, viewers.
type topology struct {
	Groups []group
	More   int // ITRs that are not drawn
}

// group is an ITR and where it sends.
type group struct {
	ITR      node
	Channels []string
	Payloads float64 // a second
	Unknown  bool    // another node counts at the ITR
	Unread   bool    // its counters cannot be read: rates are not known
	Branches []branch
	More     int // ETRs that are not drawn
}

// node is a switch, or an RLOC that is none of ours.
type node struct {
	Name  string
	Site  string
	URL   string // empty: there is no page about it
	State string // as phaseState has it; empty if it is not known
	Why   string
	// Master is the node that masters the switch, if it is not this one.
	Master string
}

// branch is the way from an ITR to an ETR and on to its viewers.
type branch struct {
	ETR        node
	RLOC       string
	Transit    float64 // bytes a second
	Local      float64 // bytes a second to viewers
	PerPayload float64
	Viewers    int
	Counted    bool // Viewers is known
	Multicast  bool
	Foreign    bool // the ETR is somebody else's
	Unread     bool // rates are not known: the ITR's counters cannot be read
	Silent     bool // the ETR's cannot be read
}

// Active reports whether anything flows.
func (b *branch) Active() bool { return b.Transit > 0 }

const (
	maxGroups   = 4
	maxBranches = 12
)

// newTopology adds up what channels send where; nil if there are none.
func newTopology(cfg *config.Config, switches []controller.SwitchStatus, channels []flow) *topology {
	byITR := map[string][]*flow{}
	var itrs []string
	for i := range channels {
		itr := channels[i].ITR
		if byITR[itr] == nil {
			itrs = append(itrs, itr)
		}
		byITR[itr] = append(byITR[itr], &channels[i])
	}
	if len(itrs) == 0 {
		return nil
	}
	slices.Sort(itrs)
	status := map[string]*controller.SwitchStatus{}
	for i := range switches {
		status[switches[i].Name] = &switches[i]
	}
	t := &topology{More: max(0, len(itrs)-maxGroups)}
	for _, itr := range itrs[:min(len(itrs), maxGroups)] {
		t.Groups = append(t.Groups, newGroup(cfg, status, itr, byITR[itr]))
	}
	return t
}

func newGroup(cfg *config.Config, status map[string]*controller.SwitchStatus, itr string, channels []*flow) group {
	g := group{ITR: nodeOf(cfg, status, itr)}
	at := map[string]int{} // branches by ETR or RLOC
	copies := map[string]float64{}
	payloads := map[string]float64{}
	for _, c := range channels {
		g.Channels = append(g.Channels, c.Name)
		if c.Err != nil { // what is told is old
			g.Unread = true
		} else {
			g.Payloads += c.Payloads.PerSecond
		}
		if c.Master != nil {
			g.Unknown, g.ITR.Master = true, c.Master.Node
		}
		for i := range c.Links {
			l := &c.Links[i]
			key := cmp.Or(l.Switch, l.RLOC.String())
			n, known := at[key]
			if !known {
				n = len(g.Branches)
				at[key] = n
				g.Branches = append(g.Branches, newBranch(cfg, status, l))
			}
			g.Branches[n].add(c, l)
			if l.Copies.PerSecond > 0 && c.Err == nil {
				copies[key] += l.PerPayload * c.Payloads.PerSecond
				payloads[key] += c.Payloads.PerSecond
			}
		}
	}
	for key, n := range at {
		if payloads[key] > 0 {
			g.Branches[n].PerPayload = copies[key] / payloads[key]
		}
	}
	if g.More = max(0, len(g.Branches)-maxBranches); g.More > 0 {
		slices.SortStableFunc(g.Branches, func(a, b branch) int { return cmp.Compare(b.Transit, a.Transit) })
		g.Branches = g.Branches[:maxBranches]
	}
	slices.SortStableFunc(g.Branches, func(a, b branch) int { return cmp.Compare(a.ETR.Name, b.ETR.Name) })
	return g
}

func newBranch(cfg *config.Config, status map[string]*controller.SwitchStatus, l *link) branch {
	b := branch{RLOC: l.RLOC.String()}
	if l.Switch == "" {
		b.ETR, b.Foreign = node{Name: b.RLOC, Site: l.Site}, true
		return b
	}
	b.ETR = nodeOf(cfg, status, l.Switch)
	if l.Master != nil {
		b.ETR.Master = l.Master.Node
	}
	if l.Err != nil && b.ETR.State == "ready" {
		b.ETR.State, b.ETR.Why = "failing", l.Err.Error()
	}
	return b
}

// add adds the traffic of a channel.
func (b *branch) add(c *flow, l *link) {
	if c.Err != nil {
		b.Unread = true
		return
	}
	b.Transit += l.Transit.PerSecond
	b.Silent = b.Silent || l.Err != nil
	b.Viewers += l.Viewers
	b.Counted = b.Counted || l.Reported || l.Switch != "" && l.Master == nil && l.Err == nil && !l.Multicast
	b.Multicast = b.Multicast || l.Multicast
	if c.Payloads.PerSecond > 0 {
		b.Local += l.Made.PerSecond * c.Media.PerSecond / c.Payloads.PerSecond
	}
}

func nodeOf(cfg *config.Config, status map[string]*controller.SwitchStatus, name string) node {
	n := node{Name: name, State: "failing", Why: "not in the configuration"}
	if sw := cfg.FindSwitch(name); sw != nil {
		n.Site, n.URL = sw.Site, "/switches/"+url.PathEscape(name)
	}
	if st := status[name]; st != nil {
		n.State, n.Why = phaseState(st), st.Reason
	}
	return n
}

// phaseState is the state of a switch in a word.
func phaseState(st *controller.SwitchStatus) string {
	switch {
	case st.Phase == controller.Ready && len(st.Problems) == 0:
		return "ready"
	case st.Phase == controller.Failing || len(st.Problems) > 0 || st.Retries > 0:
		return "failing"
	case st.Phase == controller.Standby && st.Master != "":
		return "standby"
	}
	return "pending"
}

// Summary says in words what the drawing shows.
func (t *topology) Summary() string {
	var parts []string
	for _, g := range t.Groups {
		text := fmt.Sprintf("%s enters at %s", strings.Join(g.Channels[:min(3, len(g.Channels))], ", "), g.ITR.Name)
		var to []string
		for _, b := range g.Branches {
			to = append(to, b.ETR.Name)
		}
		if len(to) > 0 {
			text += " and goes to " + strings.Join(to, ", ")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
