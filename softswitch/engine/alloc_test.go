package engine

import "testing"

func TestProcessDoesNotAllocate(t *testing.T) {
	drop := func(uint32, []byte) {}
	router, traffic := newRouter(t), newTraffic(t)
	wide := make([]byte, 32)
	for name, c := range map[string]struct {
		d     *Dataplane
		frame []byte
	}{
		"route":       {router, ipv4(1, 0x0a010203, 17, 64, udp(53)...)},
		"drop":        {router, ipv4(1, 0x0b010203, 17, 64)},
		"multicast":   {traffic, cmd(1, 5)},
		"clone":       {traffic, cmd(2, 5)},
		"recirculate": {traffic, cmd(11, 3)},
		"resubmit":    {traffic, cmd(3, 3)},
		"wide read":   {traffic, cmd(0x32, 1, wide...)},
		"wide slice":  {traffic, cmd(0x33, 1, wide...)},
		"hash":        {traffic, cmd(9, 1)},
	} {
		if n := testing.AllocsPerRun(100, func() { c.d.Process(1, c.frame, drop) }); n != 0 {
			t.Errorf("%s: %v allocations per packet", name, n)
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	d := newRouter(b)
	frame := ipv4(1, 0x0a010203, 17, 64, append(udp(53), make([]byte, 1200)...)...)
	drop := func(uint32, []byte) {}
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		d.Process(1, frame, drop)
	}
}

func BenchmarkTraffic(b *testing.B) {
	for name, frame := range map[string][]byte{
		"unicast": cmd(0, 0), "multicast": cmd(1, 5), "clone": cmd(2, 5), "recirculate": cmd(11, 3),
		"wide": cmd(0x33, 1, make([]byte, 32)...),
	} {
		b.Run(name, func(b *testing.B) {
			d := newTraffic(b)
			drop := func(uint32, []byte) {}
			b.ReportAllocs()
			for b.Loop() {
				d.Process(1, frame, drop)
			}
		})
	}
}
