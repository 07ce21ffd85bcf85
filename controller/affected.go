package controller

import (
	"slices"

	"github.com/corecast/corecast/controller/config"
)

// affectedLocked are the owners whose plans another configuration may change.
// Where it shares sites and switches with the one before (see
// config.Config.WithChannels), these are the ITRs of the channels that differ, and
// the ETRs that take them; else all.
func (c *Controller) affectedLocked(before, after *config.Config) []*owner {
	all := c.ownersLocked()
	if !c.fed || !before.SharesAllButChannels(after) {
		return all
	}
	differ := differing(before.Channels, after.Channels)
	return slices.DeleteFunc(all, func(o *owner) bool {
		return o.plan.built() && !slices.ContainsFunc(differ, func(ch *config.Channel) bool { return concerns(after, o.name, ch) })
	})
}

// differing are the channels of one list that are not in the other.
func differing(before, after []config.Channel) []*config.Channel {
	was := make(map[string]*config.Channel, len(before))
	for i := range before {
		was[before[i].Name] = &before[i]
	}
	var differ []*config.Channel
	for i := range after {
		ch := &after[i]
		old := was[ch.Name]
		delete(was, ch.Name)
		if old == nil || *old != *ch {
			differ = append(differ, ch)
		}
		if old != nil && *old != *ch {
			differ = append(differ, old)
		}
	}
	for _, gone := range was {
		differ = append(differ, gone)
	}
	return differ
}

// concerns reports whether a switch is the ITR of a channel, or an ETR that takes
// it.
func concerns(cfg *config.Config, name string, ch *config.Channel) bool {
	if ch.Ingress.Switch == name {
		return true
	}
	site, source := cfg.FindSite(cfg.FindSwitch(name).Site), cfg.FindSite(ch.Site)
	return takesKnown(site, source)
}

// takesKnown reports whether a site takes the channels of another that the
// controller knows.
func takesKnown(site, source *config.Site) bool {
	return source.Name != site.Name && source.InstanceID == site.InstanceID && site.CoreCast && site.AcceptStreams != config.AcceptNone
}
