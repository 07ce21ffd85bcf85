package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func (s *scenario) registers(t *testing.T) {
	s.alpha.startXTR(t, xtrConfig{[]place{alphaMain, alphaOther}, keyOf("alpha"), true})
	s.beta.startXTR(t, xtrConfig{[]place{betaMain, betaOther}, keyOf("beta"), true})
	s.registered(t, s.alpha, alphaMain, alphaOther)
	s.registered(t, s.beta, betaMain, betaOther)
}

// registered waits until the server has a mapping to the site's RLOC for every
// prefix.
func (s *scenario) registered(t *testing.T, at *site, places ...place) {
	t.Helper()
	for _, p := range places {
		for _, e := range p.eids() {
			within(t, registerLimit, func() string {
				if got := s.server.mapping(t, e); !slices.Equal(got, at.xtr.rlocs) {
					return fmt.Sprintf("the server maps %v to %v, want %v of %s\n%s", e, got, at.xtr.rlocs, at.name, at.oor.ended())
				}
				return ""
			})
		}
	}
}

// acceptsNotify: an xTR that has its Map-Notify does not repeat the
// Map-Register after 3 s.
func (s *scenario) acceptsNotify(t *testing.T) {
	time.Sleep(2*registerRetry + time.Second)
	for _, at := range []*site{s.alpha, s.beta} {
		registers := s.sent(t, 0, lisp.TypeMapRegister, at.xtr, s.server.node)
		notifies := s.sent(t, 0, lisp.TypeMapNotify, s.server.node, at.xtr)
		if len(registers) != 4 || len(notifies) != 4 {
			t.Fatalf("%s sent %d Map-Registers and got %d Map-Notifies for 4 prefixes", at.name, len(registers), len(notifies))
		}
		for _, r := range registers {
			if !slices.ContainsFunc(notifies, func(n control) bool {
				return n.nonce == r.nonce && n.has(r.records[0].eid) && n.dst.Port() == lisp.ControlPort
			}) {
				t.Errorf("no Map-Notify with nonce %x for %v", r.nonce, r.records[0].eid)
			}
		}
	}
}

// randomNonces: where a site's nonces must increase, which is the default, OOR's
// are refused before long, and the operator is told what to set.
func (s *scenario) randomNonces(t *testing.T) {
	s.delta.startXTR(t, xtrConfig{epsilonAll, keyOf("epsilon"), true})
	defer s.delta.killXTR(t)
	var reason string
	within(t, registerLimit, func() string {
		rejects := s.server.rejects(t, "epsilon")
		if len(rejects) == 0 {
			return "all of OOR's random nonces were accepted\n" + s.delta.oor.ended()
		}
		reason = rejects[0].Reason
		return ""
	})
	if !strings.Contains(reason, "nonce") || !strings.Contains(reason, "replay: off") {
		t.Errorf("the server gives as its reason %q, which does not say what to set", reason)
	}
	t.Logf("the server says: %s", reason)
}

// wrongKey: what is signed with another key changes nothing and is not
// answered, and the operator can see why.
func (s *scenario) wrongKey(t *testing.T) {
	mark := s.capture.count()
	s.delta.startXTR(t, xtrConfig{[]place{deltaMain}, "not " + keyOf("delta"), true})
	within(t, registerLimit, func() string {
		if n := len(s.sent(t, mark, lisp.TypeMapRegister, s.delta.xtr, s.server.node)); n < 4 {
			return fmt.Sprintf("OOR sent %d Map-Registers, want 4: two for each prefix\n%s", n, s.delta.oor.ended())
		}
		return ""
	})
	if n := len(s.sent(t, mark, lisp.TypeMapNotify, s.server.node, s.delta.xtr)); n != 0 {
		t.Errorf("%d Map-Notifies for Map-Registers with a wrong key", n)
	}
	for _, e := range deltaMain.eids() {
		if got := s.server.mapping(t, e); got != nil {
			t.Errorf("registered with a wrong key: %v at %v", e, got)
		}
	}
	rejects := s.server.rejects(t, "delta")
	if len(rejects) == 0 {
		t.Fatal("the server does not say why it refuses delta's Map-Registers")
	}
	for _, word := range []string{"HMAC does not match", "key id 0", "site delta"} {
		if !strings.Contains(rejects[0].Reason, word) {
			t.Errorf("the server gives as its reason %q, which does not say %q", rejects[0].Reason, word)
		}
	}
	t.Logf("the server says of %v: %s", rejects[0].From, rejects[0].Reason)
	s.delta.killXTR(t)
	s.delta.startXTR(t, xtrConfig{[]place{deltaMain}, keyOf("delta"), true})
	s.registered(t, s.delta, deltaMain)
	for _, f := range families {
		s.delta.from(deltaMain, f).reaches(t, alphaMain.host(f), answerLimit)
	}
}
