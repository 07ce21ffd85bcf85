package northbound

import (
	"fmt"
	"net/http"
)

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// readyz says whether the controller does its work: serves its Map-Server and
// keeps its state. Switches and sites that are not ready are others' trouble:
// /api/v1/status tells of them.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	problems := append(s.storeProblems(), s.mapServerProblems()...)
	if len(problems) > 0 {
		p := problems[0]
		detail := fmt.Sprintf("%s: %s; %s", p.What, p.Why, p.Next)
		if s.gate.Asks() { // and nobody was asked here
			detail = "the controller is not ready: corecast status says why"
		}
		problem(w, http.StatusServiceUnavailable, detail)
		return
	}
	s.healthz(w, nil)
}
