package controller

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire/inet"
)

// fixed is a resolver that knows one mapping, and otherwise that there is none.
// It answers once it is open.
type fixed struct {
	slowpath.Resolution
	open chan struct{}
}

func (f fixed) Resolve(ctx context.Context, eid lisp.EID, _ bool) (slowpath.Resolution, error) {
	select {
	case <-f.open:
	case <-ctx.Done():
		return slowpath.Resolution{}, ctx.Err()
	}
	if f.EID.Prefix.Contains(eid.Prefix.Addr()) {
		return f.Resolution, nil
	}
	return slowpath.Resolution{EID: eid, Action: lisp.ActionDrop, TTL: time.Hour}, nil
}

// TestLearnedIsInherited: a controller that comes after one that has learned
// mappings, neighbors and a stream writes nothing, and makes sure of them.
func TestLearnedIsInherited(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.FindSite("viewers-1").AcceptStreams = config.AcceptAny
	addr := netip.MustParseAddr
	rloc := func(a string, weight uint8) config.RLOC {
		return config.RLOC{Address: addr(a), Priority: 1, Weight: weight}
	}
	known := slowpath.Resolution{EID: lisp.EID{Prefix: netip.MustParsePrefix("10.70.0.0/16")}, TTL: time.Hour,
		RLOCs: []config.RLOC{rloc("192.0.2.20", 50), rloc("192.0.2.10", 50)}}
	resolver := fixed{known, make(chan struct{})}
	before, stop := run(t, cfg, nil, Options{Resolver: resolver})
	ready(t, before)
	o := before.owners["etr-1"]
	before.learn(o, known)
	before.learn(o, slowpath.Resolution{EID: lisp.EID{Prefix: netip.MustParsePrefix("10.71.0.0/16")}, RLOCs: known.RLOCs[:1]})
	before.learn(o, slowpath.Resolution{EID: lisp.EID{Prefix: netip.MustParsePrefix("10.72.0.0/16")}, Action: lisp.ActionDrop})
	port := o.plan.view().Switch.Ports[0]
	host := port.Address.Masked().Addr().Next().Next().Next().Next()
	o.slow.LearnNeighbor(host, port.ID, inet.MAC{2, 0, 0, 0, 9, 9})
	st := slowpath.Stream{Source: addr("10.70.0.1"), Reserved: addr("10.70.255.1")}
	if _, ok := o.slow.LearnStream(st, known.RLOCs); !ok {
		t.Fatal("no room for a stream")
	}
	until(t, before, "what was learned on the switch", func(s Status) bool {
		return one(s, "etr-1").Phase == Ready && o.installed.Load() == o.plan.currentVersion()
	})
	stop()

	w := &tap{}
	after, _ := run(t, cfg, w, Options{Resolver: resolver, ElectionID: p4rt.ElectionID{Low: 2}})
	ready(t, after)
	if n := w.count(); n != 0 {
		t.Errorf("%d updates were written", n)
	}
	close(resolver.open)
	s := until(t, after, "what was learned is made sure of", func(s Status) bool {
		c := one(s, "etr-1").SlowPath
		return c["refresh"] >= 3 && c["superseded"] >= 1
	})
	c := one(s, "etr-1").SlowPath
	if c["inherited"] != 3 || c["neighbor_inherited"] != 1 || c["stream_inherited"] != 1 {
		t.Errorf("%v", c)
	}
	p := after.owners["etr-1"].plan
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.learned.mappings[known.EID]; m == nil || len(m.RLOCs) != 2 {
		t.Errorf("the mapping is %+v", m)
	}
	if n := p.learned.neighbors[host]; n.port != port.ID || n.mac != (config.MAC{2, 0, 0, 0, 9, 9}) {
		t.Errorf("the neighbor is %+v", n)
	}
	if rlocs := p.learned.streams[learnedStream{st.Source, st.Reserved}]; len(rlocs) != 2 {
		t.Errorf("the stream may come from %v", rlocs)
	}
}

// learn has a switch learn a mapping.
func (c *Controller) learn(o *owner, r slowpath.Resolution) { o.slow.Learn(r) }
