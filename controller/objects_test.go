package controller

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
)

// A refused entry is the failure of the object that wanted it, and of no other.
func TestRefusalsAreNamedByObject(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	for _, c := range []struct {
		table string
		want  Object
	}{
		{build.TableChannels4, Object{KindChannel, "news"}},
		{build.TablePorts, Object{KindPort, "itr/2"}},
		{build.TableNeighbors4, Object{KindNeighbor, "10.0.0.10"}},
		{build.TableRLOCs, Object{KindMapping, "10.3.0.0/16"}},
	} {
		t.Run(c.table, func(t *testing.T) {
			cfg, _ := fig2(t)
			cfg.Switches = cfg.Switches[:1]
			w := &tap{refuse: func(r *p4v1.WriteRequest) error {
				for i, u := range r.Updates {
					if e := u.GetEntity().GetTableEntry(); e.GetTableId() == tableID(c.table) && wantedBy(e, c.want) {
						return refusal(r, i, codes.ResourceExhausted, "table is full")
					}
				}
				return nil
			}}
			ctl, _ := run(t, cfg, w, Options{})
			s := until(t, ctl, "refusal", func(s Status) bool {
				return len(s.Switches[0].Failing) > 0 && s.Switches[0].Phase == Failing
			}).Switches[0]
			if !slices.Contains(s.Failing[0].Objects, c.want) || !strings.Contains(s.Failing[0].Why, "table is full") {
				t.Errorf("failing %+v, want of %v", s.Failing, c.want)
			}
			if s.Fix == "" || s.Installed != s.Wanted-1 {
				t.Errorf("status %+v", s)
			}
			for _, o := range ctl.Objects(c.want.Kind, "") {
				switch {
				case o.Object == c.want && (o.State != Refused || o.Since == nil || !strings.Contains(o.Why, "table is full")):
					t.Errorf("%v: %+v", o.Object, o)
				case o.Object != c.want && o.State != Installed:
					t.Errorf("%v: %+v", o.Object, o)
				}
			}
			w.mu.Lock()
			w.refuse = nil
			w.mu.Unlock()
			ready(t, ctl)
			if all := ctl.Objects(c.want.Kind, c.want.Name); len(all) != 1 || all[0].State != Installed || all[0].Installed != all[0].Wanted {
				t.Errorf("afterwards %+v", all)
			}
		})
	}
}

// wantedBy tells which entry of a table is the object's.
func wantedBy(e *p4v1.TableEntry, o Object) bool {
	switch o.Kind {
	case KindPort:
		return e.Match[0].GetExact().Value[0] == 2
	case KindNeighbor:
		return slices.Equal(e.Match[0].GetExact().Value, []byte{10, 0, 0, 10})
	case KindMapping:
		return slices.Equal(e.GetAction().GetAction().Params[1].Value, []byte{192, 0, 2, 23})
	}
	return true
}

// What somebody else does to a switch is repaired and counted; what is none of
// ours is left alone and reported.
func TestDriftIsCountedAndForeignReported(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches = cfg.Switches[:1]
	c, _ := run(t, cfg, nil, Options{Resync: 5 * time.Millisecond})
	ready(t, c)
	s, err := c.session("itr")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	foreign := &p4rt.Group{ID: 7, Replicas: []p4rt.Replica{{Port: 1, Instance: 1}}}
	stray := &p4rt.Entry{Table: build.TableMyRlocs4, Action: build.ActionOwnRLOC,
		Match: []p4rt.Match{p4rt.Exact(build.FieldMyRlocs4RLOC, p4rt.Uint(99))}}
	if err := s.Write(ctx, []p4rt.Update{{Op: p4rt.Insert, Object: foreign}, {Op: p4rt.Insert, Object: stray}}); err != nil {
		t.Fatal(err)
	}
	got := until(t, c, "repair", func(s Status) bool { return s.Switches[0].Drift > 0 && len(s.Switches[0].Foreign) > 0 && s.Ready() }).Switches[0]
	if got.Drift != 1 || !slices.Contains(got.Foreign, foreign.String()) {
		t.Errorf("drift %d, foreign %v", got.Drift, got.Foreign)
	}
	groups, err := s.ReadGroups(ctx)
	if err != nil || !slices.ContainsFunc(groups, func(g *p4rt.Group) bool { return g.ID == foreign.ID }) {
		t.Errorf("groups %v, %v", groups, err)
	}
	// A change that we make ourselves is no drift.
	if err := c.SetMappings(nil); err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	time.Sleep(20 * time.Millisecond) // some looks more
	if now := c.Status().Switches[0].Drift; now != got.Drift {
		t.Errorf("drift %d after a change of ours", now)
	}
}

// What a switch was not told of says why, where the switch is not there.
func TestNotConnected(t *testing.T) {
	cfg, _ := fig2(t)
	cfg.Switches[0].Address = "127.0.0.1:1" // nobody listens
	c, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	until(t, c, "failure to connect", func(s Status) bool { return s.Switches[0].Phase == Failing })
	for _, o := range c.Objects(KindChannel, "") {
		if o.State != Wanted || !strings.Contains(o.Why, "connection refused") {
			t.Errorf("%+v", o)
		}
	}
}
