package northbound

import (
	"fmt"

	"github.com/corecast/corecast/northbound/api"
)

// nodes are the controllers that share the switches.
func (s *Server) nodes() []api.Node {
	list := []api.Node{}
	if s.opts.Cluster == nil {
		return list
	}
	self := s.opts.Cluster.Self()
	for _, m := range s.opts.Cluster.Nodes() {
		list = append(list, api.Node{Name: m.Name, URL: m.URL, Since: m.Since, Masters: m.Masters, Self: m.ID == self.ID})
	}
	return list
}

// clusterProblems are what keeps this node from doing its part, and nodes that know
// other switches than this one.
func (s *Server) clusterProblems() []api.Problem {
	if s.opts.Cluster == nil {
		return nil
	}
	what := "node " + s.opts.Cluster.Self().Name
	if err := s.opts.Cluster.Err(); err != nil {
		return []api.Problem{{What: what, Why: "it masters no switch: " + err.Error(),
			Next: "see that its store can be reached and has a majority: etcdctl endpoint status"}}
	}
	var problems []api.Problem
	nodes, mine := s.opts.Cluster.Nodes(), ""
	for _, m := range nodes {
		if m.ID == s.opts.Cluster.Self().ID {
			mine = m.Switches
		}
	}
	for _, m := range nodes {
		if m.Switches != mine && mine != "" {
			problems = append(problems, api.Problem{What: "node " + m.Name, Why: fmt.Sprintf("it knows other switches than %s: they share none", what),
				Next: "give both the same switches: in their configuration files, then send each SIGHUP"})
		}
	}
	return problems
}
