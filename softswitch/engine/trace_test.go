package engine

import (
	"slices"
	"testing"
)

// TestTracesChangeNothing sends each packet through a switch whose blocks have
// become traces by what is usual, and through one without.
func TestTracesChangeNothing(t *testing.T) {
	for name, c := range map[string]struct {
		make  func(testing.TB) *Dataplane
		usual []byte
		other [][]byte
	}{
		"router": {newRouter, ipv4(1, 0x0a010203, 17, 64, udp(53)...), [][]byte{
			ipv4(1, 0x0a010203, 17, 64, udp(53)...), ipv4(1, 0x0a010203, 17, 1, udp(53)...), ipv4(1, 0x0b010203, 17, 64),
			ipv4(1, 0x0a010203, 6, 64, udp(80)...), ipv4(1, 0x0a010203, 17, 64)[:20], {},
		}},
		"traffic": {newTraffic, cmd(0, 0), [][]byte{
			cmd(0, 0), cmd(1, 5), cmd(2, 5), cmd(3, 3), cmd(11, 3), cmd(9, 1), cmd(0x32, 1, make([]byte, 32)...),
			cmd(0x33, 1, make([]byte, 32)...), cmd(0x40, 7), {1},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.make(t)
			for range 2 * hot {
				run(d, 1, c.usual)
			}
			if traces(d) == 0 {
				t.Error("no traces were made")
			}
			for _, f := range c.other {
				if got, want := run(d, 1, f), run(c.make(t), 1, f); !slices.Equal(got, want) {
					t.Errorf("%x: %s: want %s", f, dump(got), dump(want))
				}
			}
			if s := d.Stats(); s.Panics != 0 {
				t.Errorf("%d panics", s.Panics)
			}
		})
	}
}

func traces(d *Dataplane) (n int) {
	for _, k := range []*code{d.parser.to, d.egressCode} {
		for _, b := range k.blocks {
			for _, next := range append([]*block{b}, b.two[:]...) {
				if next != nil && next.trace != nil {
					n++
				}
			}
		}
	}
	return n
}
