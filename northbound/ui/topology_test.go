package ui

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/live"
	"pgregory.net/rapid"
)

// flowsOf are channels that this node masters and nobody reports.
func flowsOf(cfg *config.Config, channels ...live.Channel) (all []flow) {
	for _, c := range channels {
		all = append(all, newFlow(cfg, nil, nil, c))
	}
	return all
}

// TestTopology adds two channels up that share an ETR.
func TestTopology(t *testing.T) {
	_, f, _ := newTest(t)
	cfg := f.Config()
	rloc, foreign := netip.MustParseAddr("192.0.2.21"), netip.MustParseAddr("198.51.100.7")
	link := func(transit float64) live.Link {
		return live.Link{RLOC: rloc, Switch: "etr", Site: "viewers", Transit: live.Rate{PerSecond: transit}, Copies: live.Rate{PerSecond: 10}, Made: live.Rate{PerSecond: 20}, PerPayload: 1, Viewers: 2}
	}
	channels := flowsOf(cfg,
		live.Channel{Name: "news", ITR: "itr", Payloads: live.Rate{PerSecond: 10}, Media: live.Rate{PerSecond: 1000}, Links: []live.Link{{RLOC: foreign, Transit: live.Rate{PerSecond: 5}}, link(100)}},
		live.Channel{Name: "sport", ITR: "itr", Payloads: live.Rate{PerSecond: 10}, Media: live.Rate{PerSecond: 1000}, Links: []live.Link{link(200)}},
		live.Channel{Name: "news", Err: fmt.Errorf("not connected")}, // whose ITR is the configuration's
	)
	top := newTopology(cfg, []controller.SwitchStatus{{Name: "itr", Phase: controller.Ready}, {Name: "etr", Phase: controller.Failing, Reason: "silent"}}, channels)
	if len(top.Groups) != 1 || len(top.Groups[0].Branches) != 2 {
		t.Fatalf("%+v", top)
	}
	other, etr := top.Groups[0].Branches[0], top.Groups[0].Branches[1]
	if !other.Foreign || other.ETR.URL != "" || etr.ETR.State != "failing" || etr.ETR.Why != "silent" || etr.Transit != 300 || etr.Viewers != 4 || etr.PerPayload != 1 || etr.Local != 4000 {
		t.Errorf("%+v\n%+v", other, etr)
	}
	if newTopology(cfg, nil, nil) != nil {
		t.Error("a drawing of nothing")
	}
}

// TestHistory adds channels up by seconds, but for the last.
func TestHistory(t *testing.T) {
	at := func(ms int64, transit float64) live.Point {
		return live.Point{At: time.UnixMilli(ms), Payloads: 1, Transit: transit}
	}
	a := live.Channel{History: []live.Point{at(1100, 10), at(2100, 20), at(3100, 30)}}
	b := live.Channel{History: []live.Point{at(1900, 1), at(2900, 2)}}
	want := []moment{{At: 1000, Payloads: 2, Transit: 88}, {At: 2000, Payloads: 2, Transit: 176}}
	if got := history(flowsOf(&config.Config{}, a, b)); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := history(flowsOf(&config.Config{}, a)); len(got) != 3 || got[2].At != 3100 {
		t.Errorf("of one channel: %+v", got)
	}
	if got := history(nil); len(got) != 0 {
		t.Errorf("of none: %+v", got)
	}
}

// TestDrawings: whatever the network, boxes are within the drawing and apart.
func TestDrawings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var channels []live.Channel
		for i := range rapid.IntRange(1, 8).Draw(t, "channels") {
			c := live.Channel{Name: rapid.String().Draw(t, "name"), ITR: fmt.Sprint("itr", rapid.IntRange(0, 6).Draw(t, "itr"))}
			for range rapid.IntRange(0, 30).Draw(t, "links") {
				c.Links = append(c.Links, live.Link{RLOC: netip.AddrFrom4([4]byte{10, byte(i), 0, rapid.Byte().Draw(t, "rloc")}), Switch: rapid.SampledFrom([]string{"", "etr1", "etr2", "long name of an ETR"}).Draw(t, "etr")})
			}
			channels = append(channels, c)
		}
		top := newTopology(&config.Config{}, nil, flowsOf(&config.Config{}, channels...))
		for _, d := range []drawing{top.Wide(), top.Narrow()} {
			for i, a := range d.Boxes {
				if a.X < 0 || a.Y < 0 || a.X+a.W > d.Width || a.Y+a.H > d.Height {
					t.Fatalf("%+v is not within %d × %d", a, d.Width, d.Height)
				}
				for _, b := range d.Boxes[:i] {
					if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
						t.Fatalf("%+v and %+v overlap", a, b)
					}
				}
			}
			for _, l := range d.Labels {
				if l.X < 0 || l.X > d.Width || l.Y < 0 || l.Y > d.Height {
					t.Fatalf("%+v is not within %d × %d", l, d.Width, d.Height)
				}
			}
		}
	})
}
