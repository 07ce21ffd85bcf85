package node

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// isShared reports whether other nodes may have the same store, and so the same
// switches.
func (n *Node) isShared(cfg *config.Config) bool {
	return n.opts.Shared != nil || strings.HasPrefix(cfg.Store, "etcd://")
}

// openCluster makes the node one of those that share the switches.
func (n *Node) openCluster(cfg *config.Config) {
	n.cluster = cluster.New(cluster.Options{
		Store: n.store, ID: n.id, Name: nodeName(cfg), URL: n.URL(), TTL: n.opts.LeaseTTL, Logger: n.opts.Logger,
		SetMasters: func(masters map[string]cluster.Mastership) error {
			ours := make(map[string]controller.Mastership, len(masters))
			for name, m := range masters {
				ours[name] = controller.Mastership{ElectionID: p4rt.ElectionID{Low: m.ElectionID}, By: m.By}
			}
			return n.controller.SetMasters(ours)
		},
	})
	n.cluster.SetSwitches(switchNames(cfg))
}

// nodeName tells a node from others for people, also from others of its machine.
func nodeName(cfg *config.Config) string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return cmp.Or(cfg.Node, fmt.Sprintf("%s-%d", host, os.Getpid()))
}

func switchNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Switches))
	for i := range cfg.Switches {
		names[i] = cfg.Switches[i].Name
	}
	return names
}

// overview answers for all switches, whichever node masters them. What only a
// session can answer is answered for our own.
type overview struct {
	*controller.Controller
	of *Node
}

// Status implements northbound.Controller.
func (v overview) Status() controller.Status {
	st := v.Controller.Status()
	for i := range st.Switches {
		sw := &st.Switches[i]
		if sw.Phase != controller.Standby {
			continue
		}
		var told controller.SwitchStatus
		if json.Unmarshal(v.of.cluster.Published(sw.Name), &told) == nil && told.Name == sw.Name {
			*sw = told
		}
	}
	return st
}

const (
	// tellInterval is how often the others are told of what is new of our switches;
	// counters alone are told each countInterval.
	tellInterval  = 250 * time.Millisecond
	countInterval = 10 * time.Second
)

// told is what the others know of a switch.
type told struct {
	gist gist
	at   time.Time
}

// gist is what of a switch's status is news.
type gist struct {
	phase                                controller.Phase
	reason                               string
	wanted, installed, problems, failing int
}

// tellOthers puts the status of the switches that this node masters into the
// store, until ctx ends.
func (n *Node) tellOthers(ctx context.Context) error {
	before := map[string]told{}
	tick := time.NewTicker(tellInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.tellNews(ctx, before)
		case <-ctx.Done():
			return nil
		}
	}
}

// tellNews tells what is new since before. What cannot be told now is told the
// next time.
func (n *Node) tellNews(ctx context.Context, before map[string]told) {
	now, news := time.Now(), map[string][]byte{}
	for _, sw := range n.controller.Status().Switches {
		if sw.Phase == controller.Standby {
			delete(before, sw.Name)
			continue
		}
		g := gist{sw.Phase, sw.Reason, sw.Wanted, sw.Installed, len(sw.Problems), len(sw.Failing)}
		if was := before[sw.Name]; was.gist == g && now.Sub(was.at) < countInterval && n.cluster.Published(sw.Name) != nil {
			continue
		}
		if value, err := json.Marshal(n.compact(sw)); err == nil {
			news[sw.Name], before[sw.Name] = value, told{g, now}
		}
	}
	if err := n.cluster.Publish(ctx, news); err != nil {
		clear(before)
	}
}

// compact is what the others need of a status: a switch may refuse thousands of
// things, with many words.
func (n *Node) compact(sw controller.SwitchStatus) controller.SwitchStatus {
	const most, words = 10, 500
	sw.Master = n.cluster.Self().Name
	sw.Reason = sw.Reason[:min(len(sw.Reason), words)]
	sw.Problems = sw.Problems[:min(len(sw.Problems), most)]
	sw.Failing = sw.Failing[:min(len(sw.Failing), most)]
	sw.Foreign = sw.Foreign[:min(len(sw.Foreign), most)]
	return sw
}

// succeedInterval is how often the nodes are looked at although none came or went:
// a subscription may have come to be known after its node had gone.
const succeedInterval = 30 * time.Second

// succeed has the Map-Server tell subscribers whose node is not there any more,
// until ctx ends.
func (n *Node) succeed(ctx context.Context) error {
	var before []string
	tick := time.NewTicker(succeedInterval)
	defer tick.Stop()
	for {
		changed := n.cluster.Changed()
		var there []string
		for _, m := range n.cluster.Nodes() {
			there = append(there, m.ID)
		}
		if !slices.Equal(there, before) {
			n.mapServer.TakeOver(there)
			before = there
		}
		select {
		case <-changed:
		case <-tick.C:
			before = nil
		case <-ctx.Done():
			return nil
		}
	}
}
