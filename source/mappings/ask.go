package mappings

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

// flight is a request for EIDs without a mapping: one for all that are likely to
// be of one site.
type flight struct {
	eid      netip.Addr
	asking   bool
	failures int
	until    time.Time // when it may be asked again, once it has failed
	wanted   bool      // somebody still wants it
	told     bool      // those who may have been asked whether they do
}

// neighborhood is what one request is made for at a time. What its answer does
// not cover is asked for afterwards.
func neighborhood(eid netip.Addr) netip.Prefix {
	bits := 24
	if eid.Is6() {
		bits = 64
	}
	p, _ := eid.Prefix(bits)
	return p
}

// want asks for an EID that has no mapping, unless its neighborhood is being
// asked for.
func (c *Client) want(eid netip.Addr) {
	near := neighborhood(eid)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, there := c.flights[near]; there {
		if !f.asking {
			f.wanted, f.eid = true, eid
		}
		return
	}
	if len(c.flights) >= maxWaiting {
		c.counts.full.Add(1)
		return
	}
	c.flights[near] = &flight{eid: eid}
	c.takeOffLocked(near)
}

func (c *Client) takeOffLocked(near netip.Prefix) {
	f := c.flights[near]
	select {
	case c.queue <- question{eid: f.eid, flight: near}:
		f.asking, f.wanted, f.told = true, false, false
	default:
		delete(c.flights, near)
		c.counts.full.Add(1)
	}
}

// work asks what waits.
func (c *Client) work(ctx context.Context) {
	for {
		select {
		case q := <-c.queue:
			q.asked = time.Now()
			c.ask(ctx, q)
		case <-ctx.Done():
			return
		}
	}
}

// ask asks a Map-Resolver, and where the mapping is in use the Map-Server, to be
// told of its changes too.
func (c *Client) ask(ctx context.Context, q question) {
	if c.subscribe(ctx, q) {
		return
	}
	c.counts.requests.Add(1)
	answer, err := c.resolver.Request(ctx, lisp.EIDOf(c.config.InstanceID, q.eid))
	switch {
	case err == nil:
		c.answered(q, answer)
	case ctx.Err() == nil:
		c.failed(q, err)
	}
}

// subscribe asks to be told of a mapping that is known, now and when it changes.
// It reports whether that has answered the question.
func (c *Client) subscribe(ctx context.Context, q question) bool {
	e := q.entry
	if e == nil || !c.registered.Load() || !c.maySubscribe(e) {
		return false
	}
	eid := lisp.EID{InstanceID: c.config.InstanceID, Prefix: e.Prefix}
	c.counts.requests.Add(1)
	answer, err := c.xtr.Subscribe(ctx, eid)
	if errors.Is(err, client.ErrNotSubscribed) {
		c.setSubscribed(e, false)
		c.answered(q, answer)
		return true
	}
	c.setSubscribed(e, err == nil)
	if err != nil {
		return false
	}
	// What the Map-Notify says was taken when it came, in its turn: by now it may
	// be old.
	c.counts.answers.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	cover, _ := answer.Find(eid)
	if answers, _ := cover.Prefix.EID(); answers != eid {
		c.dropLocked(e) // another prefix does
	}
	c.landLocked(q, true)
	return true
}

func (c *Client) maySubscribe(e *entry) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return e.subscribed || c.subscriptions < maxSubscriptions
}

// setSubscribed notes whether the Map-Server tells of an entry. One that was
// dropped meanwhile is subscribed to no more.
func (c *Client) setSubscribed(e *entry, is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case is && c.table.get(e.Prefix) != e:
		_ = c.xtr.Unsubscribe(lisp.EID{InstanceID: c.config.InstanceID, Prefix: e.Prefix})
	case is && !e.subscribed:
		c.subscriptions++
		e.subscribed = true
	case !is && e.subscribed:
		c.subscriptions--
		e.subscribed = false
	}
}

// Waits after requests that nobody answered.
const (
	firstWait = 2 * time.Second
	lastWait  = time.Minute
)

func waitAfter(failures int) time.Duration { return min(firstWait<<min(failures-1, 6), lastWait) }

// failed notes that nobody answered. What was known stays.
func (c *Client) failed(q question, err error) {
	c.counts.unanswered.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if e := q.entry; e != nil {
		e.asking, e.failures = false, e.failures+1
		e.refresh = now.Add(waitAfter(e.failures))
		if e.failures == 1 {
			c.say("mappings: %v; going on with what is known of %s", err, e.Prefix)
		}
		return
	}
	if f := c.flights[q.flight]; f != nil {
		f.asking, f.failures = false, f.failures+1
		f.until = now.Add(waitAfter(f.failures))
		if f.failures == 1 {
			c.say("mappings: %v", err)
		}
	}
}

// answered takes the records of an answer: those that cover the EID, and what is
// told along with them.
func (c *Client) answered(q question, answer client.Answer) {
	c.counts.answers.Add(1)
	cover, ok := answer.Find(lisp.EIDOf(c.config.InstanceID, q.eid))
	c.mu.Lock()
	defer c.mu.Unlock()
	known := false
	if ok {
		known = c.takeLocked(&cover, q.eid, q.asked)
		within, _ := cover.Prefix.EID()
		for i := range answer.Records {
			r := &answer.Records[i]
			switch eid, _ := r.Prefix.EID(); {
			case eid == within:
			case partOf(eid, within):
				c.takeLocked(r, eid.Prefix.Addr(), q.asked)
			case partOf(within, eid): // around it, and told along
			default:
				c.counts.record.Add(1)
			}
		}
		// A prefix that answers for the EID no more answers for nobody.
		if e := q.entry; e != nil && e.Prefix != within.Prefix.Masked() {
			c.dropLocked(e)
		}
	}
	c.landLocked(q, known)
}

func partOf(a, b lisp.EID) bool {
	return a.InstanceID == b.InstanceID && a.Prefix.Addr().Is4() == b.Prefix.Addr().Is4() &&
		a.Prefix.Bits() >= b.Prefix.Bits() && b.Prefix.Contains(a.Prefix.Addr())
}

// landLocked ends a question that was answered, known or not.
func (c *Client) landLocked(q question, known bool) {
	if e := q.entry; e != nil {
		if e.asking, e.failures = false, 0; e.again {
			e.again, e.refresh = false, time.Time{}
		}
		return
	}
	f := c.flights[q.flight]
	switch {
	case f == nil:
	case known:
		delete(c.flights, q.flight)
		c.tell() // others nearby may not be covered
	default: // asked to ask again
		f.asking, f.failures = false, f.failures+1
		f.until = time.Now().Add(waitAfter(f.failures))
	}
}
