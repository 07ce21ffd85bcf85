package controller

import (
	"context"
	"fmt"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// slotEvents is the number of cells of counter slot_events a slot has.
const slotEvents = build.StatsCells / build.MaxSlots

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
// name (payload, header, copy, …); a slot given to the channel later in a
// switch's life starts with what its earlier owner counted.
func (c *Controller) ChannelEvents(ctx context.Context, channel string) (map[string]p4rt.Count, error) {
	c.mu.Lock()
	itr, slot, ok := "", 0, false
	for i := range c.state.Config.Channels {
		if ch := &c.state.Config.Channels[i]; ch.Name == channel {
			itr = ch.Ingress.Switch
			slot, ok = c.state.Numbers[itr].Channels[channel]
		}
	}
	c.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("no channel %q on any switch", channel)
	}
	return c.counts(ctx, itr, build.CounterSlotEvents, slot*slotEvents, build.SlotEvents[:])
}

// StreamEvents returns what happened to a channel at one of its ETRs, by the
// event's name.
func (c *Controller) StreamEvents(ctx context.Context, switchName, channel string) (map[string]p4rt.Count, error) {
	c.mu.Lock()
	slot, ok := c.state.Numbers[switchName].Streams[channel]
	c.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("switch %s receives no stream %q", switchName, channel)
	}
	return c.counts(ctx, switchName, build.CounterSlotEvents, slot*slotEvents, build.SlotEvents[:])
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
