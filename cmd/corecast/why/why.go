package why

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/corecast/corecast/cmd/corecast/trace"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// Step is one thing that must be right for media to arrive.
type Step struct {
	Name string `json:"step"`
	OK   bool   `json:"ok"`
	What string `json:"what"`
	Next string `json:"next,omitempty"` // what to do where it is not
}

// Question is whose media is missing.
type Question struct {
	EID     netip.Addr
	Port    uint16 // 0: that of its lease, or any
	Channel string // empty: those that it has joined, or the only one
}

// walker walks; tell is told each step.
type walker struct {
	c    *client.Client
	tell func(Step)
}

// errStopped is that the way ends at the step that was told last.
type errStopped struct{ Step }

func (e errStopped) Error() string { return fmt.Sprintf("%s: %s; next: %s", e.Name, e.What, e.Next) }

// Walk tells step by step what is right, and ends with an error at the first that
// is not.
func Walk(ctx context.Context, c *client.Client, q Question, tell func(Step)) error {
	w := &walker{c, tell}
	channels, err := w.lease(ctx, &q)
	if err != nil {
		return err
	}
	if err := w.mapping(ctx, q.EID); err != nil {
		return err
	}
	for _, name := range channels {
		if err := w.channel(ctx, name, q); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) right(name, format string, args ...any) {
	w.tell(Step{Name: name, OK: true, What: fmt.Sprintf(format, args...)})
}

func (w *walker) stop(name, what, next string) error {
	s := Step{Name: name, What: what, Next: next}
	w.tell(s)
	return errStopped{s}
}

// lease finds out which channels are for the viewer, by what sources report.
func (w *walker) lease(ctx context.Context, q *Question) ([]string, error) {
	sources, err := w.c.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var found []api.Viewer
	for v, err := range w.c.Viewers(ctx, client.ViewerFilter{Channel: q.Channel}) {
		if err != nil {
			return nil, err
		}
		if v.EID == q.EID && (q.Port == 0 || v.Port == q.Port) {
			found = append(found, v)
		}
	}
	if q.Channel == "" && len(sources.Items) == 0 {
		if q.Channel, err = w.onlyChannel(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case len(found) > 0:
		var names []string
		for _, v := range found {
			w.right("lease", "%v:%d has joined %s at source %s", v.EID, v.Port, v.Channel, v.Source)
			q.Port = v.Port
			names = append(names, v.Channel)
		}
		return names, nil
	case q.Channel != "" && len(sources.Items) == 0:
		w.right("lease", "no source reports its viewers here: whether it has joined is not known")
		return []string{q.Channel}, nil
	case len(sources.Items) == 0:
		return nil, w.stop("lease", "no source reports its viewers here, so which channel it is about is not known",
			"name one with --channel, or start sources with --controller")
	}
	return nil, w.stop("lease", fmt.Sprintf("no viewer %v has joined%s", q.EID, of(q.Channel)),
		"corecast watch joins; the source tells why it refuses somebody")
}

// onlyChannel is the name of the channel, if there is just one.
func (w *walker) onlyChannel(ctx context.Context) (string, error) {
	name := ""
	for ch, err := range w.c.Channels(ctx, client.ChannelFilter{}) {
		switch {
		case err != nil:
			return "", err
		case name != "":
			return "", nil
		}
		name = ch.Name
	}
	return name, nil
}

func of(channel string) string {
	if channel == "" {
		return " any channel"
	}
	return " " + channel
}

// mapping finds the viewer's site.
func (w *walker) mapping(ctx context.Context, eid netip.Addr) error {
	var best *api.Mapping
	for m, err := range w.c.Mappings(ctx, client.MappingFilter{EID: eid.String(), All: true}) {
		if err != nil {
			return err
		}
		if m.EIDPrefix.Contains(eid) && (best == nil || m.EIDPrefix.Bits() > best.EIDPrefix.Bits()) {
			best = &m
		}
	}
	switch {
	case best == nil:
		return w.stop("mapping", fmt.Sprintf("%v is in no site's EID-prefix", eid), "corecast site list; then add the prefix to its site")
	case len(best.Locators) == 0:
		return w.stop("mapping", fmt.Sprintf("%v of site %s has no RLOC: nobody has registered it", best.EIDPrefix, best.Site), "corecast site show "+best.Site)
	}
	var rlocs []string
	for _, l := range best.Locators {
		rlocs = append(rlocs, l.Address)
	}
	w.right("mapping", "%v of site %s is behind %s", best.EIDPrefix, best.Site, strings.Join(rlocs, ", "))
	if !best.CoreCast {
		w.right("mapping", "site %s has no CoreCast switch: its viewers get plain unicast from the source", best.Site)
	}
	return nil
}

// channel follows a channel to the viewer.
func (w *walker) channel(ctx context.Context, name string, q Question) error {
	ch, err := w.c.Channel(ctx, name)
	if err != nil {
		return err
	}
	if ch.State != api.Ready {
		next := "corecast channel show " + name
		if len(ch.Switches) > 0 {
			next += "; corecast switch show " + ch.Switches[0].Switch
		}
		return w.stop("channel", fmt.Sprintf("%s is %s: %s", name, ch.State, ch.Reason), next)
	}
	w.right("channel", "%s is ready, and enters by port %d of %s", name, ch.Spec.Ingress.Port, ch.Spec.Ingress.Switch)
	hops, err := w.entries(ctx, &ch, q)
	if err != nil {
		return err
	}
	return w.counters(ctx, hops)
}

// entries sends an imaginary payload and its header through what the switches
// hold. It returns the names of the switches that they came through.
func (w *walker) entries(ctx context.Context, ch *api.Channel, q Question) ([]string, error) {
	held, err := trace.Ask(ctx, w.c, true)
	if err != nil {
		return nil, w.stop("entries", err.Error(), "corecast status")
	}
	network, err := trace.New(ctx, held)
	if err != nil {
		return nil, err
	}
	story, err := network.Channel(&ch.Spec, netip.AddrPortFrom(q.EID, max(q.Port, 1)))
	if err != nil {
		return nil, err
	}
	var through []string
	for _, p := range story {
		for _, h := range p.Hops {
			if len(through) == 0 || through[len(through)-1] != h.Switch {
				through = append(through, h.Switch)
			}
			for _, r := range append(h.Dropped, h.Punted...) {
				return nil, w.stop("entries", fmt.Sprintf("switch %s does not pass on %s: %s (%s)", h.Switch, p.What, r.Name, r.Doc),
					fmt.Sprintf("corecast trace --held --channel %s --viewer %v", ch.Name, netip.AddrPortFrom(q.EID, max(q.Port, 1))))
			}
		}
	}
	last := story[len(story)-1].Hops
	for _, o := range last[len(last)-1].Out {
		w.right("entries", "by what the switches hold it gets %s, out of port %d of %s", o.Packet, o.Port, last[len(last)-1].Switch)
	}
	return through, nil
}

// counters looks at what the switches on the way have dropped.
func (w *walker) counters(ctx context.Context, switches []string) error {
	seen := map[string]bool{}
	for _, name := range switches {
		if seen[name] {
			continue
		}
		seen[name] = true
		drops, err := w.c.Drops(ctx, name)
		if err != nil {
			return err
		}
		var list []string
		for _, d := range drops.Items {
			list = append(list, fmt.Sprintf("%d %s", d.Packets, d.Reason))
		}
		if len(list) == 0 {
			w.right("counters", "%s has dropped nothing", name)
			continue
		}
		w.right("counters", "%s has dropped since its start: %s (see whether they grow: corecast switch show %s --watch)", name, strings.Join(list, ", "), name)
	}
	return nil
}
