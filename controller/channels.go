package controller

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/corecast/corecast/controller/config"
)

// channelTable is the channels in use, by name and by what they have to do with.
type channelTable struct {
	byName map[string]*config.Channel
	byITR  map[string]map[string]*config.Channel // by switch, and name
	bySite map[string]map[string]*config.Channel // by the source's site, and name
}

func newChannelTable(list []config.Channel) *channelTable {
	t := &channelTable{
		byName: make(map[string]*config.Channel, len(list)),
		byITR:  map[string]map[string]*config.Channel{}, bySite: map[string]map[string]*config.Channel{},
	}
	for i := range list {
		t.put(&list[i])
	}
	return t
}

// put takes a channel in, in the place of what had its name.
func (t *channelTable) put(ch *config.Channel) {
	t.remove(ch.Name)
	t.byName[ch.Name] = ch
	put(t.byITR, ch.Ingress.Switch, ch)
	put(t.bySite, ch.Site, ch)
}

func put(by map[string]map[string]*config.Channel, key string, ch *config.Channel) {
	if by[key] == nil {
		by[key] = map[string]*config.Channel{}
	}
	by[key][ch.Name] = ch
}

func (t *channelTable) remove(name string) {
	if ch := t.byName[name]; ch != nil {
		delete(t.byName, name)
		delete(t.byITR[ch.Ingress.Switch], name)
		delete(t.bySite[ch.Site], name)
	}
}

func (t *channelTable) list() []config.Channel {
	list := make([]config.Channel, 0, len(t.byName))
	for _, ch := range sorted(t.byName) {
		list = append(list, *ch)
	}
	return list
}

// sorted lists channels by name.
func sorted(byName map[string]*config.Channel) []*config.Channel {
	return slices.SortedFunc(maps.Values(byName), func(x, y *config.Channel) int { return cmp.Compare(x.Name, y.Name) })
}

// Channels are those in use, by name.
func (c *Controller) Channels() []config.Channel {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.state.channels.list()
}

// channelChange is a channel as it was (nil: it is new) and as it is to be (nil:
// it goes).
type channelChange struct{ before, after *config.Channel }

// UpdateChannels brings channels that are new or different into use, and ends the
// use of others: what Apply of a configuration with them does, but it costs what
// changes, whatever else is in use. They are complete, and of the sites and
// switches of the configuration.
func (c *Controller) UpdateChannels(set []config.Channel, remove []string) error {
	changed, err := c.updateChannels(set, remove)
	nudge(changed)
	return desiredErr(err)
}

func (c *Controller) updateChannels(set []config.Channel, remove []string) (changed []*owner, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	owners := c.ownersOfLocked(c.changeChannelsLocked(set, remove))
	names := slices.Sorted(maps.Keys(owners))
	again := make([]bool, len(names))
	inParallel(len(names), func(i int) {
		again[i] = !c.owners[names[i]].plan.setChannels(c.state, owners[names[i]])
	})
	for i, name := range names {
		o := c.owners[name]
		if again[i] {
			if e := o.plan.build(c.state, c.state.Config.FindSwitch(name)); e != nil {
				err = errors.Join(err, fmt.Errorf("switch %s: %w", name, e))
				continue
			}
		}
		changed = append(changed, o)
	}
	return changed, err
}

// changeChannelsLocked changes the table, and returns what differs.
func (c *Controller) changeChannelsLocked(set []config.Channel, remove []string) []channelChange {
	var changes []channelChange
	t := c.state.channels
	for i := range set {
		ch := set[i] // the caller keeps its own
		before := t.byName[ch.Name]
		if before != nil && *before == ch {
			continue
		}
		t.put(&ch)
		changes = append(changes, channelChange{before, &ch})
	}
	for _, name := range remove {
		if before := t.byName[name]; before != nil {
			t.remove(name)
			changes = append(changes, channelChange{before, nil})
		}
	}
	return changes
}

// ownersOfLocked are those of our switches that changes concern, with these: the
// ITR of a channel, and the ETRs that take it.
func (c *Controller) ownersOfLocked(changes []channelChange) map[string][]channelChange {
	concerned := map[string][]channelChange{}
	for _, change := range changes {
		names := map[string]bool{}
		for _, ch := range []*config.Channel{change.before, change.after} {
			if ch == nil {
				continue
			}
			names[ch.Ingress.Switch] = true
			for _, name := range c.state.takers(ch.Site) {
				names[name] = true
			}
		}
		for name := range names {
			if c.owners[name] != nil {
				concerned[name] = append(concerned[name], change)
			}
		}
	}
	return concerned
}
