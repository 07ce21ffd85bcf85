package interop

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	registerLimit = 15 * time.Second // for an xTR to start and register
	recoveryLimit = 20 * time.Second // for traffic after a move or a death
	answerLimit   = 5 * time.Second  // for traffic while everything runs
	messageLimit  = 15 * time.Second // for one message
	registerRetry = 3 * time.Second  // of OOR, until it has its Map-Notify
	smrInterval   = 3 * time.Second  // of the server's SMRs for one EID-prefix to one xTR
)

// The EID prefixes of the sites. The other instances use the same prefix twice.
var (
	alphaMain, betaMain   = place{0, 1}, place{0, 2}
	gammaMain, deltaMain  = place{0, 3}, place{0, 4}
	alphaOther, betaOther = place{7, 71}, place{7, 72}
	gammaOther            = place{8, 72}
	epsilonAll            = []place{{0, 50}, {0, 51}, {0, 52}, {0, 53}, {0, 54}} // of no xTR of its own
	nowhere               = place{0, 200}
)

// TestOOR runs every check with RLOCs of either family and of both.
func TestOOR(t *testing.T) {
	needOOR(t)
	corecast := buildCorecast(t)
	for _, rlocs := range []struct {
		name     string
		families []family
	}{
		{"IPv4", []family{ipv4Family}},
		{"IPv6", []family{ipv6Family}},
		{"dual stack", families},
	} {
		t.Run(rlocs.name, func(t *testing.T) {
			t.Parallel()
			newScenario(t, corecast, rlocs.families).run(t)
		})
	}
}

// needOOR skips the test where OOR cannot run, unless CORECAST_REQUIRE_OOR says
// that this is a failure.
func needOOR(t *testing.T) {
	t.Helper()
	var missing string
	_, err := exec.LookPath(oorBinary)
	switch {
	case os.Geteuid() != 0:
		missing = "making network namespaces needs root"
	case err != nil:
		missing = "oor (OpenOverlayRouter) is not on PATH: the package documentation says how to build it"
	case testing.Short():
		missing = "takes two minutes"
	default:
		return
	}
	if os.Getenv("CORECAST_REQUIRE_OOR") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// scenario is one network through all checks, each of which goes on where the
// one before left it.
type scenario struct {
	*network
	alpha, beta, gamma, delta *site
}

func newScenario(t *testing.T, corecast string, rlocs []family) *scenario {
	n := newNetwork(t, rlocs...)
	n.server.configure(t, corecast, []siteConfig{
		{"alpha", []place{alphaMain}, keyOf("alpha"), "off"}, // OOR's nonces are random
		{"alpha-7", []place{alphaOther}, keyOf("alpha"), "off"},
		{"beta", []place{betaMain}, keyOf("beta"), "off"},
		{"beta-7", []place{betaOther}, keyOf("beta"), "off"},
		{"gamma", []place{gammaMain}, keyOf("gamma"), "off"},
		{"gamma-8", []place{gammaOther}, keyOf("gamma"), "off"},
		{"delta", []place{deltaMain}, keyOf("delta"), "off"},
		{"epsilon", epsilonAll, keyOf("epsilon"), ""},
	})
	n.server.run(t)
	return &scenario{
		network: n,
		alpha:   n.addSite(t, "alpha", 1, alphaMain, alphaOther),
		beta:    n.addSite(t, "beta", 2, betaMain, betaOther),
		gamma:   n.addSite(t, "gamma", 3, gammaMain, gammaOther),
		delta:   n.addSite(t, "delta", 4, deltaMain),
	}
}

func keyOf(site string) string { return "the key of " + site }

// run makes the checks in order and stops at the first that fails.
func (s *scenario) run(t *testing.T) {
	for _, check := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"registers", s.registers},
		{"accepts Map-Notify", s.acceptsNotify},
		{"resolves by proxy reply", s.resolvesByProxy},
		{"resolves by forwarded request", s.resolvesByForwarding},
		{"negative reply", s.negativeReply},
		{"instance-ids", s.instances},
		{"random nonces refused", s.randomNonces},
		{"wrong key refused", s.wrongKey},
		{"RLOC changes", s.rlocChanges},
		{"EID moves to another xTR", s.eidMoves},
		{"xTR restarts", s.xtrRestarts},
		{"server restarts", s.serverRestarts},
		{"tshark decodes every message", s.tsharkDecodes},
	} {
		if !t.Run(check.name, check.run) {
			return
		}
	}
}
