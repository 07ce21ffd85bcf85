package controller

import (
	"context"
	"slices"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// SwitchLoad is what a switch has counted since it was started.
type SwitchLoad struct {
	// Drops is what it dropped, by the reason's name.
	Drops map[string]p4rt.Count
	// Channels is what happened to each channel that it is the ITR or an ETR
	// of, by the event's name, both families together. As of ChannelEvents, a
	// slot starts with what its earlier owner counted.
	Channels map[string]map[string]p4rt.Count
}

// slotsAtOnce bounds how much one read asks for.
const slotsAtOnce = 256

// SwitchLoad reads what a switch has counted, of the first channels by name at
// most so many.
func (c *Controller) SwitchLoad(ctx context.Context, switchName string, channels int) (load SwitchLoad, err error) {
	if load.Drops, err = c.Drops(ctx, switchName); err != nil {
		return load, err
	}
	session, err := c.session(switchName)
	if err != nil {
		return load, err
	}
	load.Channels = map[string]map[string]p4rt.Count{}
	for _, span := range spans(c.slotOwners(switchName, channels)) {
		cells, err := session.ReadCounter(ctx, build.CounterSlotEvents, int64(span[0].slot)*slotEvents,
			int64(span[len(span)-1].slot-span[0].slot+1)*slotEvents)
		if err != nil {
			return load, err
		}
		for _, owner := range span {
			first := (owner.slot - span[0].slot) * slotEvents
			load.add(owner.channel, cells[first:first+len(build.SlotEvents)])
		}
	}
	return load, nil
}

// add counts the cells of a slot for a channel.
func (l *SwitchLoad) add(channel string, cells []p4rt.Count) {
	events := l.Channels[channel]
	if events == nil {
		events = map[string]p4rt.Count{}
		l.Channels[channel] = events
	}
	for i, cell := range cells {
		sum := events[build.SlotEvents[i].Name]
		events[build.SlotEvents[i].Name] = p4rt.Count{Packets: sum.Packets + cell.Packets, Bytes: sum.Bytes + cell.Bytes}
	}
}

// slotOwner is a slot of a switch and the channel that has it.
type slotOwner struct {
	slot    int
	channel string
}

// slotOwners are the slots of a switch, in order.
func (c *Controller) slotOwners(switchName string, channels int) []slotOwner {
	c.mu.RLock()
	defer c.mu.RUnlock()
	o := c.owners[switchName]
	if o == nil {
		return nil
	}
	numbers := o.plan.numbers()
	var list []slotOwner
	for _, ch := range sorted(c.state.channels.byName) {
		names := pairNames(ch)
		slots := append(numbersOf(numbers.Channels, names), numbersOf(numbers.Streams, names)...)
		if len(slots) > 0 && channels == 0 {
			break
		} else if len(slots) > 0 {
			channels--
		}
		for _, slot := range slots {
			list = append(list, slotOwner{slot, ch.Name})
		}
	}
	slices.SortFunc(list, func(a, b slotOwner) int { return a.slot - b.slot })
	return list
}

// spans cuts ordered slots where one read would ask for too many.
func spans(list []slotOwner) [][]slotOwner {
	var cut [][]slotOwner
	for from := 0; from < len(list); {
		end := from + 1
		for end < len(list) && list[end].slot-list[from].slot < slotsAtOnce {
			end++
		}
		cut = append(cut, list[from:end])
		from = end
	}
	return cut
}
