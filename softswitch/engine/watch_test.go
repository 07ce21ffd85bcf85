package engine

import (
	"fmt"
	"slices"
	"testing"
)

func TestWatch(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		want  []string // the steps at tables route and acl
	}{
		"hit":  {ipv4(1, 0x0a010203, 17, 64, udp(53)...), []string{"I.route 0a010203: hit /32 I.to 0003"}},
		"miss": {ipv4(1, 0x0b010203, 17, 64, udp(53)...), []string{"I.route 0b010203: miss I.miss"}},
	} {
		t.Run(name, func(t *testing.T) {
			watched, d := newRouter(t), newRouter(t)
			var steps []string
			var out []sent
			for range 2 * hot { // and so with traces as well
				steps, out = nil, nil
				watched.Watch(1, c.frame, func(p uint32, f []byte) { out = append(out, sent{p, string(f)}) }, func(s Step) {
					if s.Table.Name == routeTable {
						steps = append(steps, stepText(s))
					}
				})
			}
			if !slices.Equal(steps, c.want) {
				t.Errorf("steps %q: want %q", steps, c.want)
			}
			if want := run(d, 1, c.frame); !slices.Equal(out, want) {
				t.Errorf("watched: %s: unwatched %s", dump(out), dump(want))
			}
			told := len(steps)
			watched.Process(1, c.frame, func(uint32, []byte) {})
			if len(steps) != told {
				t.Error("told after Watch")
			}
		})
	}
}

func stepText(s Step) string {
	text := s.Table.Name
	for _, k := range s.Key {
		text += fmt.Sprintf(" %x", k)
	}
	if !s.Hit {
		return text + ": miss " + s.Entry.Action
	}
	return fmt.Sprintf("%s: hit /%d %s %x", text, s.Entry.Match[0].PrefixLen, s.Entry.Action, s.Entry.Params[0])
}
