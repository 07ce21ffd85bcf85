package controller

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

const (
	// slotEvents is the number of cells of counter slot_events a slot has.
	slotEvents = build.StatsCells / build.MaxSlots
	// rlocEvents is the number of cells of counter rloc_events a (channel,
	// RLOC) has: headers and copies.
	rlocEvents = build.RLOCCells / build.ServedStamps
)

// Drops returns what a switch dropped so far, by the reason's name; reasons
// that never occurred are left out.
func (c *Controller) Drops(ctx context.Context, switchName string) (map[string]p4rt.Count, error) {
	return c.counts(ctx, switchName, build.CounterDropReasons, 0, build.DropReasons[:])
}

// Punts returns what a switch gave to its controller so far, by the reason's
// name, whether or not it arrived.
func (c *Controller) Punts(ctx context.Context, switchName string) (map[string]p4rt.Count, error) {
	return c.counts(ctx, switchName, build.CounterPuntReasons, 0, build.PuntReasons[:])
}

// ChannelEvents returns what happened to a channel at its ITR, by the event's
// name (payload, header, copy, …), both families together; a slot given to the
// channel later in a switch's life starts with what its earlier owner counted.
func (c *Controller) ChannelEvents(ctx context.Context, channel string) (map[string]p4rt.Count, error) {
	itr, slots := c.channelSlots(channel)
	if len(slots) == 0 {
		return nil, fmt.Errorf("no channel %q on any switch", channel)
	}
	return c.slotEvents(ctx, itr, slots)
}

// channelSlots are the slots that a channel has at its ITR.
func (c *Controller) channelSlots(channel string) (itr string, slots []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch := c.state.channels.byName[channel]; ch != nil {
		itr = ch.Ingress.Switch
		if o := c.owners[itr]; o != nil {
			slots = numbersOf(o.plan.numbers().Channels, pairNames(ch))
		}
	}
	return itr, slots
}

// numbersOf are the numbers that the names have.
func numbersOf(numbers map[string]int, names []string) []int {
	var found []int
	for _, name := range names {
		if n, ok := numbers[name]; ok {
			found = append(found, n)
		}
	}
	return found
}

// StreamEvents returns what happened to a channel at one of its ETRs, by the
// event's name, both families together.
func (c *Controller) StreamEvents(ctx context.Context, switchName, channel string) (map[string]p4rt.Count, error) {
	c.mu.Lock()
	names := []string{channel}
	if ch := c.state.channels.byName[channel]; ch != nil {
		names = pairNames(ch)
	}
	var slots []int
	if o := c.owners[switchName]; o != nil {
		slots = numbersOf(o.plan.numbers().Streams, names)
	}
	c.mu.Unlock()
	if len(slots) == 0 {
		return nil, fmt.Errorf("switch %s receives no stream %q", switchName, channel)
	}
	return c.slotEvents(ctx, switchName, slots)
}

// slotEvents adds up the events of slots.
func (c *Controller) slotEvents(ctx context.Context, switchName string, slots []int) (map[string]p4rt.Count, error) {
	sum := map[string]p4rt.Count{}
	for _, slot := range slots {
		events, err := c.counts(ctx, switchName, build.CounterSlotEvents, slot*slotEvents, build.SlotEvents[:])
		if err != nil {
			return nil, err
		}
		for name, n := range events {
			sum[name] = p4rt.Count{Packets: sum[name].Packets + n.Packets, Bytes: sum[name].Bytes + n.Bytes}
		}
	}
	return sum, nil
}

// Sent is what an ITR sent of a channel to one RLOC.
type Sent struct{ Headers, Copies uint64 }

// RLOCEvents returns what the ITR of a channel sent of it to each RLOC; RLOCs
// that got nothing are left out.
func (c *Controller) RLOCEvents(ctx context.Context, channel string) (map[netip.Addr]Sent, error) {
	itr, slots := c.channelSlots(channel)
	if len(slots) == 0 {
		return nil, fmt.Errorf("no channel %q on any switch", channel)
	}
	c.mu.Lock()
	var numbers map[string]int
	if o := c.owners[itr]; o != nil { // it may be another controller's by now
		numbers = o.plan.numbers().RLOCs
	}
	c.mu.Unlock()
	return c.rlocEvents(ctx, itr, slots, numbers)
}

// counts reads the cells of a family of numbers from first on.
func (c *Controller) counts(ctx context.Context, switchName, counter string, first int, family []build.Named) (map[string]p4rt.Count, error) {
	session, err := c.session(switchName)
	if err != nil {
		return nil, err
	}
	cells, err := session.ReadCounter(ctx, counter, int64(first), int64(len(family)))
	if err != nil {
		return nil, fmt.Errorf("switch %s: %w", switchName, err)
	}
	byName := map[string]p4rt.Count{}
	for i, cell := range cells {
		if cell.Packets > 0 {
			byName[name(family, uint64(i))] = cell
		}
	}
	return byName, nil
}
