package northbound

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/p4/build"
	"github.com/danielgtaylor/huma/v2"
)

type statusOutput struct{ Body api.Status }

func (s *Server) registerStatus() {
	huma.Register(s.api, operation("get-status", "/api/v1/status", "What works and what is broken, and what to do first"),
		func(context.Context, *struct{}) (*statusOutput, error) { return &statusOutput{s.status()}, nil })
}

func (s *Server) status() api.Status {
	counters, sites, switches := s.opts.MapServer.Counters(), s.opts.MapServer.Sites(), s.opts.Controller.Status()
	st := api.Status{
		Warnings: append([]string{}, s.opts.Inventory.Warnings()...), Version: s.opts.Version, Started: s.opts.Started,
		MapServer: s.mapServerState(&counters),
		Store: api.Store{
			Name: s.opts.Config().Store, Waiting: counters.Persistence.Waiting, Written: counters.Persistence.Written,
			Dropped: counters.Persistence.Dropped, Failures: counters.Persistence.Failures, LastError: counters.Persistence.LastError,
		},
		Sites:    api.SiteCounts{Total: len(sites)},
		Switches: api.SwitchCounts{Total: len(switches.Switches)}, Nodes: s.nodes(),
	}
	for i := range sites {
		if sites[i].Mappings > 0 {
			st.Sites.Registered++
		}
		if refused(&sites[i]) {
			st.Sites.Rejecting++
		}
	}
	for _, sw := range switches.Switches {
		if sw.Phase == controller.Ready {
			st.Switches.Ready++
		}
	}
	// Each depends on those before it.
	st.Problems = append([]api.Problem{}, s.storeProblems()...)
	st.Problems = append(st.Problems, s.clusterProblems()...)
	st.Problems = append(st.Problems, s.mapServerProblems()...)
	st.Problems = append(st.Problems, s.desiredProblems()...)
	st.Problems = append(st.Problems, s.switchProblems(switches.Switches)...)
	st.Problems = append(st.Problems, s.siteProblems(sites)...)
	st.Problems = append(slices.DeleteFunc(slices.Clone(st.Problems), isWaiting), slices.DeleteFunc(st.Problems, isBroken)...)
	st.OK = len(st.Problems) == 0 || st.Problems[0].Waiting
	return st
}

func isWaiting(p api.Problem) bool { return p.Waiting }
func isBroken(p api.Problem) bool  { return !p.Waiting }

func (s *Server) mapServerState(c *mapserver.Counters) api.MapServer {
	m := api.MapServer{
		Running: s.opts.Endpoint != nil, Addresses: []netip.AddrPort{},
		Mappings: c.Mappings, Static: c.Static, Unregistered: c.Unregistered, Subscriptions: c.Subscriptions,
		Requests: c.Requests, Replies: c.Replies, Registers: c.Registers, LastRejects: rejects(s.opts.MapServer.Rejects()),
	}
	if m.Running {
		m.Addresses = append(m.Addresses, s.opts.Endpoint.Addresses()...)
	}
	for _, n := range c.Dropped {
		m.Dropped += n
	}
	return m
}

func (s *Server) storeProblems() []api.Problem {
	if err := s.opts.Inventory.Failure(); err != nil {
		return []api.Problem{{What: "store " + s.opts.Config().Store, Why: "a change was refused: " + err.Error(),
			Next: "make room or mend its file system, then make the change again"}}
	}
	if err := s.opts.MapServer.Counters().Persistence.LastError; err != "" {
		return []api.Problem{{What: "store " + s.opts.Config().Store, Why: err,
			Next: "make room or mend its file system; what waits is then written"}}
	}
	return nil
}

// recent is how long a failure to send is told.
const recent = time.Minute

func (s *Server) mapServerProblems() []api.Problem {
	var problems []api.Problem
	if s.opts.FeedError != nil {
		if err := s.opts.FeedError(); err != nil {
			problems = append(problems, api.Problem{What: "map-caches of the switches", Why: err.Error(),
				Next: "look for the mapping: corecast mapping"})
		}
	}
	if s.opts.Endpoint != nil {
		if st := s.opts.Endpoint.Stats(); st.LastSendError != "" && time.Since(st.LastSendErrorAt) < recent {
			problems = append(problems, api.Problem{What: "Map-Server", Why: "it cannot send: " + st.LastSendError,
				Next: "check routes and firewall of this host: ip route get ADDRESS"})
		}
	}
	return problems
}

// desiredProblems are what of the desired state is not in use.
func (s *Server) desiredProblems() []api.Problem {
	const shown = 20
	var problems []api.Problem
	if err := s.opts.Inventory.Problem(); err != nil {
		problems = append(problems, api.Problem{What: "desired state", Why: "it is not in use: " + err.Error(), Next: "take the last change back: corecast events"})
	}
	for _, o := range s.opts.Inventory.Unread() {
		problems = append(problems, api.Problem{What: o.String(), Why: "the store's record of it is damaged: " + o.Unused,
			Next: fmt.Sprintf("restore a backup (corecast restore), or make it again: corecast %s create %s", o.Kind, o.Name)})
	}
	for _, kind := range inventory.Kinds() {
		for _, o := range s.opts.Inventory.Unused(kind, shown) {
			problems = append(problems, api.Problem{What: o.String(), Why: "made over REST, and not in use: " + o.Unused,
				Next: fmt.Sprintf("change what contradicts it, or delete it: corecast %s delete %s", kind, o.Name)})
		}
	}
	return problems
}

func (s *Server) switchProblems(switches []controller.SwitchStatus) []api.Problem {
	var problems []api.Problem
	for _, sw := range switches {
		what := "switch " + sw.Name
		switch {
		case sw.Phase != controller.Ready && sw.Retries == 0 && sw.Phase != controller.Failing:
			problems = append(problems, api.Problem{What: what, Why: string(sw.Phase) + ": " + sw.Reason, Next: "wait a moment: corecast status"})
		case sw.Phase != controller.Ready:
			problems = append(problems, api.Problem{What: what, Why: sw.Reason, Next: s.mend(&sw)})
		case len(sw.Problems) > 0:
			problems = append(problems, api.Problem{What: what, Why: sw.Problems[0], Next: "change the configuration and start the controller again"})
		}
	}
	return problems
}

// mend is what to do about a switch that is not ready.
func (s *Server) mend(sw *controller.SwitchStatus) string {
	if sw.Fix == "" || strings.Contains(sw.Reason, "connection refused") {
		return s.startCommand(sw.Name)
	}
	return sw.Fix
}

// startCommand is how to start a switch that may not be running.
func (s *Server) startCommand(name string) string {
	sw := s.opts.Config().FindSwitch(name)
	if sw == nil {
		return "corecast status"
	}
	program := "corecast switch"
	if sw.Target == config.BMv2 {
		program = "simple_switch_grpc"
	}
	return fmt.Sprintf("see that it runs: %s --no-p4 --device-id %d -i PORT@INTERFACE … -- --grpc-server-addr %s --cpu-port %d",
		program, sw.DeviceID, sw.Address, build.CPUPort)
}

// refused reports whether the last that was heard of a site's xTRs was not
// accepted.
func refused(st *mapserver.SiteStatus) bool {
	return len(st.LastRejects) > 0 && st.LastRejects[0].Time.After(st.LastRegister)
}

// firstRegister is the time that xTRs have after the start of a Map-Server to
// register with it, as they do every minute, until it is a fault that they do not.
const firstRegister = 3 * time.Minute

func (s *Server) siteProblems(sites []mapserver.SiteStatus) []api.Problem {
	var problems []api.Problem
	for i := range sites {
		st := &sites[i]
		cfg := s.opts.Config().FindSite(st.Name)
		if cfg == nil {
			continue
		}
		what, next := "site "+st.Name, "corecast site show "+st.Name
		switch {
		case refused(st):
			r := &st.LastRejects[0]
			problems = append(problems, api.Problem{What: what, Why: fmt.Sprintf("a Map-Register of %s was refused: %s", known(r.From), r.Reason), Next: next})
		case len(cfg.AuthKeys) > 0 && len(cfg.RLOCs) == 0 && st.Mappings == 0:
			waiting := st.LastRegister.IsZero() && time.Since(s.opts.Started) < firstRegister
			problems = append(problems, api.Problem{What: what, Waiting: waiting, Why: "nobody has registered for it, and it has no rlocs of its own",
				Next: fmt.Sprintf("point its xTR to the Map-Server at %s, with key id %d; then %s", s.addresses(), cfg.AuthKeys[0].ID, next)})
		}
	}
	return problems
}

// addresses are those of the Map-Server, to be read.
func (s *Server) addresses() string {
	if s.opts.Endpoint == nil {
		return "no address (give listen.lisp)"
	}
	var list []string
	for _, a := range s.opts.Endpoint.Addresses() {
		list = append(list, a.String())
	}
	return strings.Join(list, ", ")
}
