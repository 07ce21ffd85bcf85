package interop

import (
	"bytes"
	"slices"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// resolvesByProxy: the server replies itself, and packets go both ways between
// the two RLOCs.
func (s *scenario) resolvesByProxy(t *testing.T) {
	mark := s.capture.count()
	for _, f := range families {
		s.alpha.from(alphaMain, f).reaches(t, betaMain.host(f), answerLimit)
		s.beta.from(betaMain, f).reaches(t, alphaMain.host(f), answerLimit)
		want := betaMain.eid(f)
		reply := s.awaitSent(t, mark, lisp.TypeMapReply, s.server.node, s.alpha.xtr, func(c control) bool { return c.has(want) })
		if r := reply.records[0]; len(reply.records) != 1 || r.authoritative || !slices.Equal(r.rlocs, s.beta.xtr.rlocs) {
			t.Errorf("proxy Map-Reply for %v: %+v", want, reply.records)
		}
	}
	if forwarded := s.sent(t, mark, lisp.TypeMapRequest, s.server.node, s.beta.xtr); len(forwarded) != 0 {
		t.Errorf("the server forwarded %d Map-Requests that it was asked to answer", len(forwarded))
	}
	there, back := s.capture.since(mark, isData(s.alpha.xtr, s.beta.xtr)), s.capture.since(mark, isData(s.beta.xtr, s.alpha.xtr))
	if len(there) < 40 || len(back) < 40 {
		t.Errorf("%d encapsulated packets from alpha to beta and %d back, want 40 or more", len(there), len(back))
	}
}

// sameECM reports whether two ECMs are the same, but for how often the inner packet
// may be forwarded.
func sameECM(a, b []byte) bool {
	var x, y lisp.ECM
	return x.Decode(a) == nil && y.Decode(b) == nil && x.Inner.Src == y.Inner.Src && x.Inner.Dst == y.Inner.Dst &&
		bytes.Equal(x.Inner.Message, y.Inner.Message)
}

// resolvesByForwarding: the server forwards the request as it came to an ETR
// that does not want to be answered for, and the ETR replies.
func (s *scenario) resolvesByForwarding(t *testing.T) {
	s.gamma.startXTR(t, xtrConfig{[]place{gammaMain, gammaOther}, keyOf("gamma"), false})
	s.registered(t, s.gamma, gammaMain, gammaOther)
	mark := s.capture.count()
	for _, f := range families {
		want := gammaMain.eid(f)
		s.alpha.from(alphaMain, f).reaches(t, gammaMain.host(f), answerLimit)
		s.gamma.from(gammaMain, f).reaches(t, alphaMain.host(f), answerLimit)
		asked := s.awaitSent(t, mark, lisp.TypeMapRequest, s.alpha.xtr, s.server.node, func(c control) bool {
			return c.has(lisp.EIDOf(0, gammaMain.host(f)))
		})
		forwarded := s.awaitSent(t, mark, lisp.TypeMapRequest, s.server.node, s.gamma.xtr, func(c control) bool { return c.nonce == asked.nonce })
		if !asked.encapsulated || !sameECM(asked.payload, forwarded.payload) {
			t.Errorf("forwarded to the ETR:\n%x\nwas received as\n%x", forwarded.payload, asked.payload)
		}
		reply := s.awaitSent(t, mark, lisp.TypeMapReply, s.gamma.xtr, s.alpha.xtr, func(c control) bool { return c.nonce == asked.nonce })
		if !reply.has(want) || !reply.records[0].authoritative {
			t.Errorf("the ETR's Map-Reply for %v: %+v", want, reply.records)
		}
	}
}

// negativeReply: the reply for what is nobody's EID covers the hole around it,
// so that the xTR does not ask again.
func (s *scenario) negativeReply(t *testing.T) {
	mark := s.capture.count()
	for _, f := range families {
		host := nowhere.host(f)
		s.alpha.from(alphaMain, f).fails(t, host, 8)
		reply := s.awaitSent(t, mark, lisp.TypeMapReply, s.server.node, s.alpha.xtr, func(c control) bool {
			return len(c.records) == 1 && c.records[0].eid.Prefix.Contains(host)
		})
		hole := reply.records[0]
		if len(hole.rlocs) != 0 || hole.ttl != 15 {
			t.Errorf("negative Map-Reply for %v: %+v", host, hole)
		}
		for _, c := range s.server.sites {
			for _, p := range c.places {
				if e := p.eid(f); e.InstanceID == 0 && e.Prefix.Overlaps(hole.eid.Prefix) {
					t.Errorf("the negative reply's %v overlaps %v of site %s", hole.eid, e, c.name)
				}
			}
		}
		asked := s.sent(t, mark, lisp.TypeMapRequest, s.alpha.xtr, s.server.node)
		asked = slices.DeleteFunc(asked, func(c control) bool { return !c.has(lisp.EIDOf(0, host)) })
		if len(asked) != 1 {
			t.Errorf("8 pings to %v cost %d Map-Requests, want 1", host, len(asked))
		}
	}
}

// instances: one EID prefix is beta's in instance 7 and gamma's in instance 8,
// and nobody's in instance 0.
func (s *scenario) instances(t *testing.T) {
	mark := s.capture.count()
	for _, f := range families {
		s.alpha.from(alphaOther, f).reaches(t, betaOther.host(f), answerLimit)
		s.beta.from(betaOther, f).reaches(t, alphaOther.host(f), answerLimit)
		s.awaitSent(t, mark, lisp.TypeMapReply, s.server.node, s.alpha.xtr, func(c control) bool { return c.has(betaOther.eid(f)) })
		s.gamma.from(gammaOther, f).fails(t, alphaOther.host(f), 4)
		s.alpha.from(alphaMain, f).fails(t, betaOther.host(f), 4)
	}
	if wrong := s.capture.since(mark, isData(s.alpha.xtr, s.gamma.xtr)); len(wrong) != 0 {
		t.Errorf("%d packets of instance 7 went to the site of instance 8", len(wrong))
	}
	for _, p := range s.capture.since(mark, isData(s.alpha.xtr, s.beta.xtr)) {
		var h lisp.DataHeader
		if _, err := h.Decode(p.payload); err != nil || h.InstanceID != alphaOther.instance {
			t.Fatalf("encapsulated packet of instance %d: %v", h.InstanceID, err)
		}
	}
}
