package client

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// Cached returns the entry of the map-cache for an EID: the one of the longest
// prefix.
func (x *XTR) Cached(eid lisp.EID) (lisp.Record, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, ok := longest(x.cache, eid)
	if !ok {
		return lisp.Record{}, false
	}
	return cloneRecord(r), true
}

// Await waits until the map-cache's entry for an EID is as wanted, and returns
// it.
func (x *XTR) Await(ctx context.Context, eid lisp.EID, wanted func(lisp.Record) bool) (lisp.Record, error) {
	for {
		x.mu.Lock()
		changed := x.changed
		r, ok := longest(x.cache, eid)
		ok = ok && wanted(r)
		x.mu.Unlock()
		if ok {
			return cloneRecord(r), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return lisp.Record{}, fmt.Errorf("map-cache entry for %s: %w", eid, context.Cause(ctx))
		}
	}
}

// Resolve asks the Map-Resolver for an EID and puts the answer into the
// map-cache.
func (x *XTR) Resolve(ctx context.Context, eid lisp.EID) (Answer, error) {
	return x.ask(ctx, &lisp.MapRequest{}, eid)
}

// ask sends a Map-Request with the flags of m.
func (x *XTR) ask(ctx context.Context, m *lisp.MapRequest, eid lisp.EID) (Answer, error) {
	return x.exchanges.do(ctx, eid, x.config.Retry, func(int) (netip.AddrPort, func(uint64) error) {
		return x.config.MapResolver, func(nonce uint64) error {
			m.Nonce = nonce
			return x.sendRequest(m, eid, x.config.MapResolver)
		}
	})
}

// sendRequest completes m and sends it to a Map-Resolver.
func (x *XTR) sendRequest(m *lisp.MapRequest, eid lisp.EID, to netip.AddrPort) error {
	if len(m.ITRs) == 0 {
		m.ITRs = []lisp.Address{{IP: x.conn.local.Addr()}}
	}
	if len(m.Records) == 0 {
		m.Records = []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid)}}
	}
	if x.config.XTR != nil {
		m.HasXTR, m.XTR = true, *x.config.XTR
	}
	message, err := m.Append(nil)
	if err != nil {
		return err
	}
	packet, err := encapsulate(x.conn.local, to, eid, message)
	if err != nil {
		return err
	}
	return x.send(packet, to)
}

func (x *XTR) receiveReply(from netip.AddrPort, m *lisp.MapReply) ignored {
	records, why := x.exchanges.deliver(from, m.Nonce, m.Records, false)
	if why == taken {
		x.keep(records)
	}
	return why
}

// keep puts records, which nobody else changes, into the map-cache. Run alone
// does it, in the order in which they came.
func (x *XTR) keep(records []lisp.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range records {
		eid, ok := r.Prefix.EID()
		if _, known := x.cache[eid]; !ok || !known && len(x.cache) >= x.config.MaxCache {
			continue
		}
		x.cache[eid] = r
	}
	close(x.changed)
	x.changed = make(chan struct{})
}

// longest returns the record of the longest prefix that contains eid.
func longest(records map[lisp.EID]lisp.Record, eid lisp.EID) (lisp.Record, bool) {
	for bits := eid.Prefix.Bits(); bits >= 0; bits-- {
		shorter := lisp.EID{InstanceID: eid.InstanceID, Prefix: netip.PrefixFrom(eid.Prefix.Addr(), bits).Masked()}
		if r, ok := records[shorter]; ok {
			return r, true
		}
	}
	return lisp.Record{}, false
}
