package controller

import (
	"cmp"
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
	c.desired.Lock()
	defer c.desired.Unlock()
	c.mu.Lock()
	concerned := c.concernedLocked(c.changeChannelsLocked(set, remove))
	c.mu.Unlock()
	for o := range concerned {
		changed = append(changed, o)
	}
	again := make([]*owner, len(changed))
	inParallel(len(changed), func(i int) {
		if o := changed[i]; !o.plan.setChannels(c.state, concerned[o]) {
			again[i] = o
		}
	})
	return changed, c.build(slices.DeleteFunc(again, func(o *owner) bool { return o == nil }))
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

// concernedLocked are the owners of the switches that changes concern, with these:
// of the ITR of a channel, and of the ETRs that take it.
func (c *Controller) concernedLocked(changes []channelChange) map[*owner][]channelChange {
	concerned := map[*owner][]channelChange{}
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
			if o := c.owners[name]; o != nil {
				concerned[o] = append(concerned[o], change)
			}
		}
	}
	return concerned
}
