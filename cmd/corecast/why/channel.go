package why

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/cmd/corecast/trace"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
)

// channel follows a channel to the viewer, whose mapping is at.
func (w *walker) channel(ctx context.Context, name string, at *api.Mapping, q Question) error {
	ch, err := w.c.Channel(ctx, name)
	if err != nil {
		return err
	}
	show := "corecast channel show " + name
	reason := cmp.Or(ch.Reason, ch.Unused)
	switch ch.State {
	case api.Ready:
	case api.Pending:
		return w.wait("channel", fmt.Sprintf("%s is pending: %s", name, reason),
			fmt.Sprintf("corecast wait channel %s; if it stays so for more than a minute: %s", name, show))
	default:
		if len(ch.Switches) > 0 {
			show += "; corecast switch show " + ch.Switches[0].Switch
		}
		return w.stop("channel", fmt.Sprintf("%s is %s: %s", name, ch.State, reason), show)
	}
	w.right("channel", "%s is ready, and enters by port %d of %s", name, ch.Spec.Ingress.Port, ch.Spec.Ingress.Switch)
	hops, err := w.entries(ctx, &ch, at, q)
	if err != nil {
		return err
	}
	return w.counters(ctx, hops)
}

// entries sends an imaginary payload and its header through what the switches
// hold. It returns the names of the switches that they came through, once each.
func (w *walker) entries(ctx context.Context, ch *api.Channel, at *api.Mapping, q Question) ([]string, error) {
	held, err := trace.Ask(ctx, w.c, true)
	if err != nil {
		return nil, w.stop("entries", err.Error(), "corecast status")
	}
	network, err := trace.New(ctx, held)
	if err != nil {
		return nil, err
	}
	story, err := follow(network, &ch.Spec, at, q)
	if err != nil {
		return nil, w.stop("entries", err.Error(), "corecast channel show "+ch.Name)
	}
	var through []string
	seen := map[string]bool{}
	for i := range story {
		for j := range story[i].Hops {
			h := &story[i].Hops[j]
			if !seen[h.Switch] {
				seen[h.Switch] = true
				through = append(through, h.Switch)
			}
			if err := w.hop(h, story[i].What, ch, q); err != nil {
				return nil, err
			}
		}
	}
	return through, w.delivered(story, ch, q)
}

// follow follows what the source sends for the viewer: a payload and its header, or
// to a site without CoreCast the media itself.
func follow(n *trace.Network, ch *config.Channel, at *api.Mapping, q Question) ([]trace.Packet, error) {
	if at.CoreCast {
		return n.Channel(ch, q.viewer())
	}
	for _, pair := range ch.Pairs() {
		if pair.Source.Is4() == q.EID.Is4() {
			return n.Unicast(ch.Ingress.Switch, ch.Ingress.Port, netip.AddrPortFrom(pair.Source, trace.SourcePort), q.viewer())
		}
	}
	return nil, errors.New("it has no source EID of the viewer's address family")
}

// traceCommand shows what entries has seen.
func traceCommand(ch *api.Channel, q Question) string {
	return fmt.Sprintf("corecast trace --held --channel %s --viewer %v", ch.Name, q.viewer())
}

// delivered tells what leaves the last switch.
func (w *walker) delivered(story []trace.Packet, ch *api.Channel, q Question) error {
	hops := story[len(story)-1].Hops
	last := hops[len(hops)-1]
	if len(last.Out) == 0 {
		return w.stop("entries", fmt.Sprintf("switch %s keeps %s: nothing leaves for the viewer", last.Switch, story[len(story)-1].What), traceCommand(ch, q))
	}
	for _, o := range last.Out {
		if o.Role == string(config.Transit) {
			w.right("entries", "by what the switches hold %s leaves by port %d of %s, to a site whose switches are not ours", o.Packet, o.Port, last.Switch)
			continue
		}
		w.right("entries", "by what the switches hold it gets %s, out of port %d of %s", o.Packet, o.Port, last.Switch)
	}
	return nil
}
