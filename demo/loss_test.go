package demo

import (
	"math"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/wire"
)

func TestLossIsAsAskedAndRepeats(t *testing.T) {
	rloc := netip.MustParseAddr("192.0.2.21")
	for _, p := range []float64{0, 0.01, 0.05, 0.5, 0.999} {
		const n = 200_000
		lost := 0
		m, again := newLossModel(p, 7), newLossModel(p, 7)
		for i := range uint32(n) {
			l := m.loses(i, rloc, wire.TypeHeader4, i%3)
			if l != again.loses(i, rloc, wire.TypeHeader4, i%3) {
				t.Fatalf("loss %g: packet %d is lost once and once not", p, i)
			}
			if l {
				lost++
			}
		}
		// Five standard deviations of a binomial.
		if want, slack := p*n, 5*math.Sqrt(n*p*(1-p)); math.Abs(float64(lost)-want) > slack {
			t.Errorf("loss %g: %d of %d packets lost, want %.0f ± %.0f", p, lost, n, want, slack)
		}
	}
}

func TestLossTellsPacketsApart(t *testing.T) {
	m := newLossModel(0.5, 1)
	a, b := netip.MustParseAddr("192.0.2.21"), netip.MustParseAddr("192.0.2.22")
	differ := map[string]int{}
	for s := range uint32(1000) {
		base := m.loses(s, a, wire.TypePayload, 0)
		for what, other := range map[string]bool{
			"seed":  newLossModel(0.5, 2).loses(s, a, wire.TypePayload, 0),
			"RLOC":  m.loses(s, b, wire.TypePayload, 0),
			"kind":  m.loses(s, a, wire.TypeHeader4, 0),
			"index": m.loses(s, a, wire.TypePayload, 1),
		} {
			if base != other {
				differ[what]++
			}
		}
	}
	for _, what := range []string{"seed", "RLOC", "kind", "index"} {
		if n := differ[what]; n < 400 || n > 600 {
			t.Errorf("another %s changes %d of 1000 decisions, want about half", what, n)
		}
	}
}
