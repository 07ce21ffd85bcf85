package controller

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// ChannelLoad is what the switches have counted of a channel.
type ChannelLoad struct {
	ITR     string
	Pairs   []PairLoad   // at the ITR, one a family
	Streams []StreamLoad // at ETRs of ours, in the order of the configuration
}

// PairLoad is what an ITR has counted of one (source EID, reserved EID) pair.
type PairLoad struct {
	config.Pair
	Events map[string]p4rt.Count // by the event's name, as ChannelEvents
	RLOCs  map[netip.Addr]Sent
}

// StreamLoad is what an ETR has counted of a channel, both families together.
type StreamLoad struct {
	Switch string
	Site   string
	RLOCs  []netip.Addr          // by which it is reached
	Events map[string]p4rt.Count // by the event's name; nil after an Err
	Err    error                 // why the ETR could not be asked
}

// loadReads is how many ETRs are asked at the same time.
const loadReads = 8

// ChannelLoad reads the counters of a channel at its ITR, and at every ETR of
// ours that takes it. An ETR that does not answer fails alone.
func (c *Controller) ChannelLoad(ctx context.Context, channel string) (ChannelLoad, error) {
	load, slots, numbers, err := c.whoCounts(channel)
	if err != nil {
		return load, err
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, loadReads)
	for i := range load.Streams {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			st := &load.Streams[i]
			st.Events, st.Err = c.StreamEvents(ctx, st.Switch, channel)
		})
	}
	defer wg.Wait()
	for i, slot := range slots {
		p := &load.Pairs[i]
		if p.Events, err = c.slotEvents(ctx, load.ITR, []int{slot}); err != nil {
			return load, err
		}
		if p.RLOCs, err = c.rlocEvents(ctx, load.ITR, []int{slot}, numbers.RLOCs); err != nil {
			return load, err
		}
	}
	return load, nil
}

// whoCounts prepares a ChannelLoad: the pairs with their slots at the ITR, whose
// numbers come along, and the ETRs that take the channel.
func (c *Controller) whoCounts(channel string) (load ChannelLoad, slots []int, numbers SwitchNumbers, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	ch := c.state.channels.byName[channel]
	if ch == nil {
		return load, nil, numbers, fmt.Errorf("no channel %q in the configuration", channel)
	}
	load.ITR = ch.Ingress.Switch
	itr := c.owners[load.ITR]
	if itr == nil {
		return load, nil, numbers, fmt.Errorf("channel %s: its switch %s is not ours to ask, or could not be planned", channel, load.ITR)
	}
	numbers = itr.plan.numbers()
	names := pairNames(ch)
	for i, pair := range ch.Pairs() {
		if slot, ok := numbers.Channels[names[i]]; ok {
			load.Pairs, slots = append(load.Pairs, PairLoad{Pair: pair}), append(slots, slot)
		}
	}
	if len(slots) == 0 {
		return load, nil, numbers, fmt.Errorf("channel %s has no payload store on switch %s: see its problems", channel, load.ITR)
	}
	for _, name := range c.order {
		o := c.owners[name]
		if o != nil && len(numbersOf(o.plan.numbers().Streams, names)) > 0 {
			sw := c.state.Config.FindSwitch(name)
			load.Streams = append(load.Streams, StreamLoad{Switch: name, Site: sw.Site, RLOCs: transitAddresses(sw)})
		}
	}
	return load, slots, numbers, nil
}

// transitAddresses are a switch's own in the RLOC space.
func transitAddresses(sw *config.Switch) []netip.Addr {
	var list []netip.Addr
	for i := range sw.Ports {
		if p := &sw.Ports[i]; p.Role == config.Transit {
			for _, prefix := range p.Prefixes() {
				list = append(list, prefix.Addr())
			}
		}
	}
	return list
}

// rlocEvents adds up what an ITR sent of slots to each RLOC that it has a number
// for; RLOCs that got nothing are left out.
func (c *Controller) rlocEvents(ctx context.Context, itr string, slots []int, numbers map[string]int) (map[netip.Addr]Sent, error) {
	session, err := c.session(itr)
	if err != nil {
		return nil, err
	}
	cells := 0
	for _, index := range numbers {
		cells = max(cells, (index+1)*rlocEvents)
	}
	sent := map[netip.Addr]Sent{}
	for _, slot := range slots {
		counts, err := session.ReadCounter(ctx, build.CounterRLOCEvents, int64(slot*build.MaxRLOCs*rlocEvents), int64(cells))
		if err != nil {
			return nil, fmt.Errorf("switch %s: %w", itr, err)
		}
		for text, index := range numbers {
			headers, copies := counts[index*rlocEvents].Packets, counts[index*rlocEvents+1].Packets
			if headers > 0 || copies > 0 {
				rloc := netip.MustParseAddr(text)
				sent[rloc] = Sent{sent[rloc].Headers + headers, sent[rloc].Copies + copies}
			}
		}
	}
	return sent, nil
}
