package controller

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// Channels come, change, move and go; each plan is what it is when it is built
// anew with the numbers that it has, and its updates lead there.
func TestUpdateChannels(t *testing.T) {
	base := load(t, "../examples/fig2.yaml").WithChannels(nil)
	asked := channelOf(base, "c1", "studio", 1)
	base.FindSite("viewers-2").Streams = []config.Stream{{SourceEID: asked.SourceEID, ReservedEID: asked.ReservedEID}}
	base.FindSite("viewers-3").RLOCs = append(base.FindSite("viewers-3").RLOCs, config.RLOC{Address: netip.MustParseAddr("192.0.2.99"), Priority: 2})
	rapid.Check(t, func(t *rapid.T) {
		c, err := New(base, Options{})
		if err == nil {
			err = c.SetMappings(StaticMappings(base))
		}
		if err != nil {
			t.Fatal(err)
		}
		held := map[string]map[string]*p4rt.Entry{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			set, remove := drawChannels(t, base)
			if err := c.UpdateChannels(set, remove); err != nil {
				t.Fatal(err)
			}
			for name, o := range c.owners {
				held[name] = follow(t, o.plan, held[name])
				builtAnew(t, c, o)
			}
		}
	})
}

// drawChannels draws a few channels that are new or different, and one that goes.
func drawChannels(t *rapid.T, base *config.Config) (set []config.Channel, remove []string) {
	for range rapid.IntRange(0, 3).Draw(t, "set") {
		n := rapid.IntRange(1, 5).Draw(t, "channel")
		name := fmt.Sprint("c", n)
		if slices.ContainsFunc(set, func(ch config.Channel) bool { return ch.Name == name }) {
			continue
		}
		ch := channelOf(base, name, rapid.SampledFrom([]string{"studio", "viewers-1", "viewers-3"}).Draw(t, "site"), n)
		ch.Redundancy = uint8(rapid.IntRange(0, 2).Draw(t, "redundancy"))
		ch.Rate = config.Rate(rapid.IntRange(0, 2).Draw(t, "rate") * 4_000_000)
		if rapid.Bool().Draw(t, "dual stack") {
			ch.SourceEID6, ch.ReservedEID6 = netip.MustParseAddr("2001:db8::10"), netip.MustParseAddr(fmt.Sprintf("2001:db8:ff::%d", n))
		}
		set = append(set, ch)
	}
	if n := rapid.IntRange(0, 5).Draw(t, "remove"); n > 0 {
		name := fmt.Sprint("c", n)
		if !slices.ContainsFunc(set, func(ch config.Channel) bool { return ch.Name == name }) {
			remove = append(remove, name)
		}
	}
	return set, remove
}

// channelOf is the n-th channel of a site.
func channelOf(cfg *config.Config, name, site string, n int) config.Channel {
	prefix := cfg.FindSite(site).EIDPrefixes[0].Addr().As4()
	ch := config.Channel{Name: name, Site: site, Lists: config.Yes,
		SourceEID: netip.AddrFrom4([4]byte{10, prefix[1], 0, 10}), ReservedEID: netip.AddrFrom4([4]byte{10, prefix[1], 255, byte(n)})}
	for _, sw := range cfg.Switches {
		if sw.Site == site {
			ch.Ingress = config.Ingress{Switch: sw.Name, Port: 1}
		}
	}
	return ch
}

// follow does what a plan says to a switch that holds some entries.
func follow(t *rapid.T, p *plan, held map[string]*p4rt.Entry) map[string]*p4rt.Entry {
	todo, _, whole := p.take()
	if whole {
		p.takeAll()
		held = map[string]*p4rt.Entry{}
		for key, it := range p.b.items {
			held[key] = it.entry
		}
		return held
	}
	for _, stage := range todo {
		for _, u := range stage {
			e := u.Object.(*p4rt.Entry)
			if _, there := held[e.Key()]; there == (u.Op == p4rt.Insert) && !e.Default {
				t.Fatalf("%v: there already: %v", u, there)
			}
			if u.Op == p4rt.Delete {
				delete(held, e.Key())
			} else {
				held[e.Key()] = e
			}
		}
	}
	for key, it := range p.b.items {
		if held[key] == nil || !held[key].Equal(it.entry) {
			t.Fatalf("the switch was not told of %v", it.entry)
		}
	}
	if len(held) != len(p.b.items) {
		t.Fatalf("the switch holds %d entries, want %d", len(held), len(p.b.items))
	}
	return held
}

// builtAnew compares a plan with one that is built anew.
func builtAnew(t *rapid.T, c *Controller, o *owner) {
	got := o.plan.b
	want := newBuilder(c.state, c.state.Config.FindSwitch(o.name), newLearned())
	if err := want.build(got.allNumbers().clone()); err != nil {
		t.Fatal(err)
	}
	if g, w := described(got), described(want); !maps.Equal(g, w) {
		for what := range w {
			if g[what] != w[what] {
				t.Errorf("%s: %s is %s, want %s", o.name, what, g[what], w[what])
			}
		}
		for what := range g {
			if _, wanted := w[what]; !wanted {
				t.Errorf("%s: %s is %s, want none", o.name, what, g[what])
			}
		}
		t.FailNow()
	}
}

// described is all that is known of what a switch is to hold, as text.
func described(b *builder) map[string]string {
	all := map[string]string{
		"numbers": fmt.Sprint(b.allNumbers()), "problems": fmt.Sprint(b.problemList()), "uses of peers": fmt.Sprint(b.peerUses),
	}
	for key, it := range b.items {
		all["entry "+key] = fmt.Sprint(it.entry, slices.SortedFunc(slices.Values(it.objects), byText))
	}
	for key, g := range b.groups {
		all["group "+key] = fmt.Sprint(g, b.wanters[key])
	}
	for key, m := range b.meters {
		all["meter "+key] = fmt.Sprint(m, b.wanters[key])
	}
	all["wanters"] = fmt.Sprint(len(b.wanters))
	for by, keys := range b.wantedBy {
		all["keys of "+by.String()] = fmt.Sprint(slices.Sorted(slices.Values(keys)))
	}
	for _, ch := range b.own {
		all["own "+ch.Name] = fmt.Sprint(*ch)
	}
	for _, st := range b.received {
		all["received "+st.name] = fmt.Sprint(st)
	}
	return all
}

func byText(x, y Object) int {
	if x.String() < y.String() {
		return -1
	}
	return 1
}

// A switch that is full of channels has a place again when one goes.
func TestNoRoomForChannels(t *testing.T) {
	base := load(t, "../examples/fig2.yaml")
	c, err := New(base.WithChannels(nil), Options{})
	if err == nil {
		err = c.SetMappings(StaticMappings(base))
	}
	if err != nil {
		t.Fatal(err)
	}
	var many []config.Channel
	for i := range maxChannels + 1 {
		ch := channelOf(base, fmt.Sprintf("c%05d", i), "studio", 0)
		ch.ReservedEID = netip.AddrFrom4([4]byte{10, 0, 128 + byte(i>>8), byte(i)})
		many = append(many, ch)
	}
	last := many[maxChannels].Name
	state := func(name string) ObjectState {
		objects := c.Objects(KindChannel, name)
		if len(objects) != 1 {
			t.Fatalf("%s: %+v", name, objects)
		}
		return objects[0].State
	}
	if err := c.UpdateChannels(many, nil); err != nil || state(last) != Refused || state("c00000") == Refused {
		t.Fatalf("%v: the last is %s", err, state(last))
	}
	if err := c.UpdateChannels(nil, []string{"c00000"}); err != nil || state(last) == Refused {
		t.Fatalf("%v: the last is still %s", err, state(last))
	}
}

// BenchmarkUpdateChannel changes one of many channels of a switch.
func BenchmarkUpdateChannel(b *testing.B) {
	base := load(b, "../examples/fig2.yaml")
	base.FindSite("viewers-1").AcceptStreams = config.AcceptNone
	base.FindSite("viewers-2").AcceptStreams = config.AcceptNone
	base.FindSite("viewers-3").AcceptStreams = config.AcceptNone
	var many []config.Channel
	for i := range 500 {
		ch := channelOf(base, fmt.Sprintf("c%05d", i), "studio", 0)
		ch.ReservedEID = netip.AddrFrom4([4]byte{10, 0, 128 + byte(i>>8), byte(i)})
		many = append(many, ch)
	}
	c, err := New(base.WithChannels(many), Options{})
	if err == nil {
		err = c.SetMappings(StaticMappings(base))
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Run("alone", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			ch := many[i%len(many)]
			ch.Redundancy = uint8(i / len(many) % 2)
			if err := c.UpdateChannels([]config.Channel{ch}, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if err := c.Apply(base.WithChannels(many)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
