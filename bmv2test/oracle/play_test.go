package oracle

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/corecast/corecast/p4/build"
)

// step is one thing that happens to a switch: a frame arrives, or the
// configuration or the time changes. Steps stand for themselves, so that a
// history can be played again without some of them.
type step struct {
	what   string
	port   uint16
	frame  []byte
	config *Config       // if not nil, the new configuration
	wait   time.Duration // if not 0, the time that passes
}

// bench is a switch and its model side by side.
type bench struct {
	plane *plane
	model *Switch
}

func newBench(c *Config) (*bench, error) {
	p, err := newPlane(c)
	return &bench{p, New(c)}, err
}

// do makes a step on both sides and says how they differ.
func (b *bench) do(s *step) error {
	switch {
	case s.config != nil:
		b.model.Config = s.config
		return b.plane.configure(s.config)
	case s.wait != 0:
		b.model.Now += s.wait
		b.plane.clock = b.plane.clock.Add(s.wait)
		return nil
	}
	type arrival struct {
		port  uint16
		frame []byte
	}
	queue := []arrival{{s.port, s.frame}}
	for pass := 0; len(queue) > 0; pass++ {
		a := queue[0]
		queue = queue[1:]
		want, got := b.model.Receive(a.port, a.frame), b.plane.receive(a.port, a.frame)
		if !same(want, got) {
			return fmt.Errorf("%s, pass %d, at port %d: %s\nthe oracle sends:%s\nthe program sends:%s",
				s.what, pass+1, a.port, explain(a.port, a.frame), list(want), list(got))
		}
		for _, o := range got {
			if c := b.model.Config; c.LoopTo != 0 && o.Port == c.LoopTo {
				queue = append(queue, arrival{c.LoopBack, o.Frame})
			}
		}
		if pass > 64 {
			return fmt.Errorf("%s: goes round for ever: %x", s.what, s.frame)
		}
	}
	return nil
}

// counters says whether both sides counted the same.
func (b *bench) counters() error {
	if d := b.plane.differs(b.model); len(d) > 0 {
		return fmt.Errorf("%s", strings.Join(d, "\n"))
	}
	return nil
}

// same compares what leaves by each port, in order; the order of different
// ports is nobody's promise.
func same(a, b []Out) bool {
	if len(a) != len(b) {
		return false
	}
	byPort := func(x, y Out) int { return int(x.Port) - int(y.Port) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortStableFunc(a, byPort)
	slices.SortStableFunc(b, byPort)
	return slices.EqualFunc(a, b, func(x, y Out) bool { return x.Port == y.Port && bytes.Equal(x.Frame, y.Frame) })
}

// play makes all steps, comparing counters after each, on a fresh switch.
func play(c *Config, steps []*step) (last int, err error) {
	b, err := newBench(c)
	if err != nil {
		return 0, err
	}
	for i, s := range steps {
		if err := b.do(s); err != nil {
			return i, err
		}
		if err := b.counters(); err != nil {
			return i, fmt.Errorf("%s: port %d: %s\n%w", s.what, s.port, explain(s.port, s.frame), err)
		}
	}
	return len(steps), nil
}

// shrink removes what a failing history does not need, within a limit of time.
func shrink(c *Config, steps []*step, limit time.Duration) []*step {
	until := time.Now().Add(limit)
	if n, err := play(c, steps); err != nil && n < len(steps) {
		steps = steps[:n+1]
	}
	for size := len(steps) / 2; size > 0; size /= 2 {
		for at := 0; at < len(steps) && time.Now().Before(until); {
			fewer := slices.Delete(slices.Clone(steps), at, min(at+size, len(steps)))
			if n, err := play(c, fewer); err != nil && n < len(fewer) {
				steps = fewer[:n+1]
			} else {
				at += size
			}
		}
	}
	return steps
}

// report tells a failing history so that a person can follow it.
func report(c *Config, steps []*step) string {
	var b strings.Builder
	_, err := play(c, steps)
	fmt.Fprintf(&b, "%v\n%d steps led there:\n", err, len(steps))
	for _, s := range steps[max(0, len(steps)-20):] {
		fmt.Fprintf(&b, "  %s: port %d %s\n", s.what, s.port, explain(s.port, s.frame))
	}
	last := c
	for _, s := range steps {
		if s.config != nil {
			last = s.config
		}
	}
	fmt.Fprintf(&b, "configuration: %+v", *last)
	return b.String()
}

func list(out []Out) string {
	var b strings.Builder
	for _, o := range out {
		fmt.Fprintf(&b, "\n  port %d: %s", o.Port, explain(o.Port, o.Frame))
	}
	if len(out) == 0 {
		return " nothing"
	}
	return b.String()
}

// explain decodes a frame as far as it goes and adds its bytes.
func explain(port uint16, frame []byte) string {
	if frame == nil {
		return ""
	}
	var b strings.Builder
	f := frame
	if port == build.CPUPort && len(f) >= 4 {
		fmt.Fprintf(&b, "[%d %d] ", be.Uint16(f), be.Uint16(f[2:]))
		f = f[4:]
	}
	if len(f) >= 14 {
		fmt.Fprintf(&b, "%x<%x type %04x", f[:6], f[6:12], f[12:14])
		describe(&b, be.Uint16(f[12:]), f[14:])
	}
	fmt.Fprintf(&b, " (%d bytes) %x", len(frame), frame[:min(len(frame), 200)])
	return b.String()
}

func describe(b *strings.Builder, etherType uint16, f []byte) {
	if etherType == build.EthertypeLoop && len(f) >= 8 {
		fmt.Fprintf(b, " loop{%x}", f[:8])
		if n := 8 + int(f[4]&0xF)*build.PadBytes; len(f) > n {
			describe(b, be.Uint16(f), f[n:])
		}
		return
	}
	p, ok := asIP(etherType == build.EthertypeIPv6, f)
	if !ok || etherType != build.EthertypeIPv4 && etherType != build.EthertypeIPv6 {
		return
	}
	fmt.Fprintf(b, " {%v>%v proto %d ttl %d tos %02x len %d trailing %d", p.src(), p.dst(), p.protocol(), p.ttl(), p.tos(), p.size(), p.trailing())
	defer b.WriteString("}")
	u, ok := p.udp()
	if !ok {
		return
	}
	fmt.Fprintf(b, " udp %d>%d len %d sum %04x", be.Uint16(u), be.Uint16(u[2:]), be.Uint16(u[4:]), be.Uint16(u[6:]))
	switch {
	case p.dstPort() == build.LISPDataPort && len(u) > 16:
		fmt.Fprintf(b, " lisp %x", u[8:16])
		inner := uint16(build.EthertypeIPv4)
		if u[16]>>4 == 6 {
			inner = build.EthertypeIPv6
		}
		describe(b, inner, u[16:])
	case p.dstPort() == build.CorecastPort && len(u) >= 20:
		fmt.Fprintf(b, " corecast type %02x count %d length %d seq %d hash %08x", u[8], u[9], be.Uint16(u[10:]), be.Uint32(u[12:]), be.Uint32(u[16:]))
	}
}
