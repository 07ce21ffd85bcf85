// Package upstream lets a Map-Server ask other Map-Resolvers: for EIDs of
// others' sites.
package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
)

// Upstream makes of a client's Resolver one that a Map-Server asks.
type Upstream struct{ resolver *client.Resolver }

var _ mapserver.Upstream = Upstream{}

// New makes an Upstream of a Resolver, which runs as long as it is used. To
// learn whether sites have CoreCast switches, the Resolver's XTR must be a
// lisp.CoreCastXTR.
func New(r *client.Resolver) Upstream { return Upstream{r} }

// Lookup implements mapserver.Upstream.
func (u Upstream) Lookup(ctx context.Context, eid lisp.EID) (mapserver.Mapping, error) {
	answer, err := u.resolver.Request(ctx, eid)
	if err != nil {
		return mapserver.Mapping{}, err
	}
	r, ok := answer.Find(eid)
	if !ok {
		return mapserver.Mapping{}, fmt.Errorf("Map-Request for %s to %s: the answer of %s tells only of parts of it", eid, answer.Asked, answer.From)
	}
	m := mappingOf(&r)
	m.EID = alike(m.EID, eid, answer.Records)
	return m, nil
}

// alike is the largest part of a mapping around an EID that no other record is
// about: an answer tells of more specific mappings too (RFC 9301 section 5.5), and
// whoever keeps only one must not take it for theirs.
func alike(whole, eid lisp.EID, records []lisp.Record) lisp.EID {
	bits := whole.Prefix.Bits()
	for i := range records {
		other, ok := records[i].Prefix.EID()
		if !ok || other == whole || other.InstanceID != eid.InstanceID || other.Prefix.Contains(eid.Prefix.Addr()) {
			continue
		}
		for bits < eid.Prefix.Bits() && netip.PrefixFrom(eid.Prefix.Addr(), bits).Overlaps(other.Prefix) {
			bits++
		}
	}
	whole.Prefix = netip.PrefixFrom(eid.Prefix.Addr(), bits).Masked()
	return whole
}

// mappingOf is a record as the Map-Server sees mappings.
func mappingOf(r *lisp.Record) mapserver.Mapping {
	m := mapserver.Mapping{Origin: mapserver.OriginUpstream, Action: r.Action, Proxy: true}
	m.EID, _ = r.Prefix.EID()
	ttl, bounded := r.Lifetime()
	if !bounded {
		ttl = maxUpstreamTTL
	}
	m.TTL = min(ttl, maxUpstreamTTL)
	for _, l := range r.Locators {
		if _, ok := l.Capability(); ok {
			m.CoreCast = true
			continue
		}
		m.Locators = append(m.Locators, l)
	}
	return m
}

// maxUpstreamTTL is how long an answer is believed at most.
const maxUpstreamTTL = 24 * time.Hour
