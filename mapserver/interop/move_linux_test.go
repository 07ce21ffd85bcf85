package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// rlocChanges: beta gets another address, registers it, and who talks to beta
// learns it.
func (s *scenario) rlocChanges(t *testing.T) {
	s.beta.moveRLOCs(t)
	for _, f := range families {
		took := s.alpha.from(alphaMain, f).reaches(t, betaMain.host(f), recoveryLimit)
		t.Logf("%v EIDs reach each other again after %v", f, took.Round(time.Millisecond))
	}
	s.registered(t, s.beta, betaMain, betaOther)
}

// eidMoves: beta dies, delta's xTR registers beta's EIDs, and the server's SMR
// makes alpha ask again.
func (s *scenario) eidMoves(t *testing.T) {
	for _, f := range families {
		s.alpha.from(alphaMain, f).reaches(t, betaMain.host(f), answerLimit)
	}
	time.Sleep(smrInterval) // or alpha, which was solicited a moment ago, would be spared for the rest of it
	s.beta.killXTR(t)
	s.delta.killXTR(t)
	s.delta.addPlace(t, betaMain)
	mark := s.capture.count()
	s.delta.startXTR(t, xtrConfig{[]place{betaMain}, keyOf("beta"), true})
	for _, f := range families {
		took := s.alpha.from(alphaMain, f).reaches(t, betaMain.host(f), recoveryLimit)
		t.Logf("%v EIDs reach each other again %v after the start of the other xTR", f, took.Round(time.Millisecond))
	}
	s.registered(t, s.delta, betaMain)
	for _, e := range betaMain.eids() {
		registered := s.awaitSent(t, mark, lisp.TypeMapRegister, s.delta.xtr, s.server.node, func(c control) bool { return c.has(e) })
		s.awaitSent(t, mark, lisp.TypeMapRequest, s.server.node, s.alpha.xtr, func(c control) bool { return c.smr })
		invoked := s.awaitSent(t, mark, lisp.TypeMapRequest, s.alpha.xtr, s.server.node, func(c control) bool { return c.smrInvoked && c.has(e) })
		t.Logf("%v: alpha asked again %v after the Map-Register", e, invoked.at.Sub(registered.at).Round(time.Microsecond))
	}
}

// xtrRestarts: an xTR that lost everything comes back.
func (s *scenario) xtrRestarts(t *testing.T) {
	s.alpha.killXTR(t)
	s.alpha.startXTR(t, xtrConfig{[]place{alphaMain, alphaOther}, keyOf("alpha"), true})
	for _, f := range families {
		s.alpha.from(alphaMain, f).reaches(t, gammaMain.host(f), recoveryLimit)
		s.gamma.from(gammaMain, f).reaches(t, alphaMain.host(f), answerLimit)
	}
}

// serverRestarts: the server is killed and started again on its store. It
// knows at once what was registered before, and goes on.
func (s *scenario) serverRestarts(t *testing.T) {
	time.Sleep(2 * time.Second) // state is written behind registrations
	s.server.kill(t)
	for _, f := range families {
		s.alpha.from(alphaMain, f).reaches(t, gammaMain.host(f), answerLimit) // from the xTRs' caches
	}
	mark := s.capture.count()
	s.server.run(t)
	s.registered(t, s.alpha, alphaMain, alphaOther)
	s.registered(t, s.delta, betaMain)
	s.registered(t, s.gamma, gammaMain, gammaOther)
	if !slices.ContainsFunc([]*site{s.alpha, s.delta, s.gamma}, func(at *site) bool {
		return len(s.sent(t, mark, lisp.TypeMapRegister, at.xtr, s.server.node)) == 0
	}) {
		t.Error("every xTR has registered again since: that the server knows them proves nothing")
	}
	for _, f := range families {
		s.gamma.from(gammaMain, f).reaches(t, betaMain.host(f), answerLimit) // never asked before
	}
	s.alpha.killXTR(t)
	mark = s.capture.count()
	s.alpha.startXTR(t, xtrConfig{[]place{alphaMain, alphaOther}, keyOf("alpha"), true})
	for _, e := range append(alphaMain.eids(), alphaOther.eids()...) {
		s.awaitSent(t, mark, lisp.TypeMapNotify, s.server.node, s.alpha.xtr, func(c control) bool { return c.has(e) })
	}
}
