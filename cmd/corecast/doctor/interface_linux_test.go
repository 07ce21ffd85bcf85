package doctor

import (
	"testing"

	"github.com/corecast/corecast/wire/inet"
)

func TestInterface(t *testing.T) {
	got := found(func(r reporter) { checkInterface("lo", false, r) })
	if len(got) < 2 || got[0].Verdict != Good || got[1].Verdict == Bad {
		t.Errorf("%+v", got)
	}
	expect(t, "nosuch", found(func(r reporter) { checkInterface("nosuch", false, r) }), Bad, "no such")
}

// The numbers of docs/wire-format.md.
func TestPayloadFor(t *testing.T) {
	for _, c := range []struct{ mtu, v4, v6 int }{{1500, 1424, 1384}, {1548, 1472, 1432}, {1588, 1472, 1472}, {9000, 1472, 1472}, {60, 0, 0}} {
		if v4, v6 := payloadFor(c.mtu, inet.IPv4Size), payloadFor(c.mtu, inet.IPv6Size); v4 != c.v4 || v6 != c.v6 {
			t.Errorf("MTU %d fits payloads of %d and %d, want %d and %d", c.mtu, v4, v6, c.v4, c.v6)
		}
	}
}
