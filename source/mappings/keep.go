package mappings

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

// takeLocked makes a record the mapping of its prefix: of an answer to what was
// asked at a time, or of a notification. It reports whether the prefix has a
// mapping now.
func (c *Client) takeLocked(r *lisp.Record, example netip.Addr, asked time.Time) bool {
	m, ok := mappingOf(r)
	old, now := c.table.get(m.Prefix), time.Now()
	switch {
	case old == nil:
	case asked.IsZero():
		old.notified = now
	case old.notified.After(asked):
		return true // the answer may be older
	}
	if !ok || r.TTL == 0 {
		if old != nil {
			c.dropLocked(old)
		}
		return false
	}
	// Spread, so that what was learned at once is not asked for at once.
	refresh := now.Add(time.Duration(float64(refreshAfter(r)) * (0.9 + 0.1*rand.Float64())))
	if old != nil {
		old.refresh, old.failures = refresh, 0
		if !old.equal(&m) {
			old.Mapping = m
			c.counts.changes.Add(1)
			c.tell()
		}
		return true
	}
	if c.table.size >= c.config.MaxMappings {
		c.counts.full.Add(1)
		return false
	}
	e := &entry{Mapping: m, example: example, refresh: refresh}
	e.used.Store(c.seconds(now))
	if c.registered.Load() {
		e.refresh = now // to subscribe
	}
	c.table.put(m.Prefix, e)
	c.tell()
	return true
}

// dropLocked forgets an entry. Viewers who use it are served as before until
// their EIDs have another mapping.
func (c *Client) dropLocked(e *entry) {
	if c.table.get(e.Prefix) != e || !c.table.remove(e.Prefix) {
		return
	}
	c.counts.changes.Add(1)
	if e.subscribed {
		e.subscribed = false
		c.subscriptions--
		_ = c.xtr.Unsubscribe(lisp.EID{InstanceID: c.config.InstanceID, Prefix: e.Prefix})
	}
	c.tell()
}

// How often mappings are looked after, and how long one is kept that nobody
// uses.
const (
	refreshPeriod = 250 * time.Millisecond
	maxIdle       = 5 * time.Minute
	// askEvery is how often one mapping is asked for at most, whoever wants it.
	askEvery = time.Second
	// maxUnwanted is how long what failed is remembered if nobody wants it.
	maxUnwanted = time.Minute
)

// refresh has mappings asked for that are due, until ctx ends.
func (c *Client) refresh(ctx context.Context) {
	tick := time.NewTicker(refreshPeriod)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			c.refreshDue(now)
		case <-ctx.Done():
			return
		}
	}
}

func (c *Client) refreshDue(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var idle []*entry
	c.table.all(func(e *entry) {
		if e.asking || now.Before(e.refresh) || now.Sub(e.asked) < askEvery {
			return
		}
		if now.Sub(c.epoch)-time.Duration(e.used.Load())*time.Second > maxIdle {
			idle = append(idle, e)
			return
		}
		select {
		case c.queue <- question{eid: e.example, entry: e}:
			e.asking, e.asked = true, now
		default: // the next time
		}
	})
	for _, e := range idle {
		c.dropLocked(e)
	}
	for near, f := range c.flights {
		switch {
		case f.asking || now.Before(f.until):
		case f.wanted:
			c.takeOffLocked(near)
		case !f.told:
			f.told = true
			c.tell()
		case now.Sub(f.until) > maxUnwanted:
			delete(c.flights, near)
		}
	}
}

// published takes what a Map-Notify says of mappings that are known here, and of
// what is around them or part of them.
func (c *Client) published(records []lisp.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.notified.Add(1)
	examples := make([]netip.Addr, len(records)) // before any of them is dropped
	for i := range records {
		eid, _ := records[i].Prefix.EID()
		if !eid.Prefix.IsValid() || eid.InstanceID != c.config.InstanceID {
			continue
		}
		c.table.around(eid.Prefix.Masked(), func(e *entry) {
			if examples[i] = eid.Prefix.Addr(); eid.Prefix.Contains(e.example) {
				examples[i] = e.example
			}
		})
	}
	for i, example := range examples {
		if example.IsValid() {
			c.takeLocked(&records[i], example, time.Time{})
		} else {
			c.counts.record.Add(1)
		}
	}
}

// solicited has mappings asked for again that SMRs are about.
func (c *Client) solicited(eids []lisp.EID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	concerned := false
	for _, eid := range eids {
		if eid.InstanceID != c.config.InstanceID {
			continue
		}
		c.table.around(eid.Prefix.Masked(), func(e *entry) {
			e.refresh, e.again, concerned = time.Time{}, e.asking, true
		})
	}
	if concerned {
		c.counts.solicited.Add(1)
	}
}

// How often the source registers: as often as an xTR (RFC 9301 §8.2), and sooner
// when the Map-Server was not there.
const (
	registerPeriod = time.Minute
	registerAgain  = 5 * time.Second
	registeredTTL  = 10 // minutes
)

// keepRegistered registers with the Map-Server until ctx ends.
func (c *Client) keepRegistered(ctx context.Context) {
	s := c.config.Subscription
	rlocs := s.RLOCs
	if len(rlocs) == 0 {
		rlocs = []netip.Addr{c.xtr.RLOC().Addr()}
	}
	record := client.Mapping(lisp.EID{InstanceID: c.config.InstanceID, Prefix: s.Prefix.Masked()}, rlocs...)
	record.TTL = registeredTTL
	for first := true; ; first = false {
		err := c.xtr.Register(ctx, record)
		was := c.registered.Swap(err == nil)
		wait := registerPeriod
		if err != nil {
			wait = registerAgain
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && (was || first):
			c.say("mappings: no subscriptions: %v", err)
		case err == nil && !was:
			c.subscribeAll()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// subscribeAll has all mappings asked for again, this time at the Map-Server.
func (c *Client) subscribeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table.all(func(e *entry) {
		if !e.subscribed {
			e.refresh = time.Time{}
		}
	})
}
