package mapserver

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

// claim is a record of a Map-Register that may be registered.
type claim struct {
	record   int // its index in the message
	eid      lisp.EID
	withdraw bool          // TTL 0
	lifetime time.Duration // of the registration
	start    int           // in scratch.encoded: the record as a Map-Reply carries it
	end      int
}

// claims returns the records of an authentic Map-Register that the site may
// register, and rejects the others: one prefix too many in an xTR's
// configuration does not take down the rest.
func (s *Server) claims(c *call, owner *site, m *lisp.MapRegister) []claim {
	work := &c.out.scratch
	work.claims, work.encoded = work.claims[:0], work.encoded[:0]
	conf, sites := owner.config.Load(), s.sites.Load()
	for i := range m.Records {
		r := &m.Records[i]
		eid, ok := s.mayClaim(c, owner, conf, sites, r)
		if !ok {
			continue
		}
		cl := claim{record: i, eid: eid, withdraw: r.TTL == 0, start: len(work.encoded)}
		if !cl.withdraw {
			if !s.canonical(c, owner, conf, eid, r) {
				continue
			}
			cl.lifetime = conf.timeout
			if m.UseTTL {
				cl.lifetime = time.Duration(s.capTTL(r.TTL)) * time.Minute
			}
		}
		cl.end = len(work.encoded)
		work.claims = append(work.claims, cl)
	}
	return work.claims
}

// mayClaim checks whose the EID-prefix of a record is.
func (s *Server) mayClaim(c *call, owner *site, conf *siteConfig, sites *registry, r *lisp.Record) (lisp.EID, bool) {
	eid, ip := r.Prefix.EID()
	if !ip {
		s.reject(c, owner, causeNotIP, eid, func() string { return "EID " + r.Prefix.String() + " is no IP prefix" })
		return eid, false
	}
	holder, within := sites.authority(eid)
	switch {
	case holder == nil:
		s.reject(c, owner, causeUnknownEID, eid, func() string { return fmt.Sprintf("no site has EID-prefix %s", eid) })
	case holder != owner:
		s.reject(c, owner, causeOtherSite, eid, func() string {
			return fmt.Sprintf("EID-prefix %s is of site %s; the message is signed with a key of site %s", eid, holder.name, owner.name)
		})
	case within != eid.Prefix && !conf.AcceptMoreSpecifics:
		s.reject(c, owner, causeMoreSpecific, eid, func() string {
			return fmt.Sprintf("EID-prefix %s is within %s of site %s, which does not accept more specifics", eid, within, owner.name)
		})
	default:
		return eid, true
	}
	return eid, false
}

// canonical appends a registered record to scratch.encoded in the form that a
// Map-Reply has it in: locators sorted and each once, the A, L and p bits
// clear, the TTL capped.
func (s *Server) canonical(c *call, owner *site, conf *siteConfig, eid lisp.EID, r *lisp.Record) bool {
	if len(r.Locators) > maxLocators {
		s.reject(c, owner, causeLocators, eid, func() string {
			return fmt.Sprintf("EID-prefix %s has %d locators: at most %d", eid, len(r.Locators), maxLocators)
		})
		return false
	}
	out := &c.out.scratch.record
	*out = lisp.Record{
		Prefix: r.Prefix, MapVersion: r.MapVersion, Locators: append(out.Locators[:0], r.Locators...),
		TTL: s.capTTL(r.TTL),
	}
	for i := range out.Locators {
		l := &out.Locators[i]
		why := refuseLocator(conf, l)
		if why == "" && l.Address.IP.IsLoopback() && !c.from.Addr().IsLoopback() {
			why = "is a loopback address, which only those on the Map-Server's machine may use"
		}
		if why != "" {
			s.reject(c, owner, causeLocator, eid, func() string {
				return fmt.Sprintf("locator %s of EID-prefix %s %s", &l.Address, eid, why)
			})
			return false
		}
		l.Local, l.Probed = false, false
	}
	tidyLocators(out)
	encoded, err := out.Append(c.out.scratch.encoded)
	if err != nil || len(encoded)-len(c.out.scratch.encoded) > maxRecordSize {
		s.reject(c, owner, causeLocators, eid, func() string {
			return fmt.Sprintf("the record of EID-prefix %s has more than %d bytes", eid, maxRecordSize)
		})
		return false
	}
	c.out.scratch.encoded = encoded
	return true
}

// capTTL returns a TTL of so many minutes, or the longest that there may be.
func (s *Server) capTTL(minutes uint32) uint32 {
	return uint32(min(int64(minutes), int64(s.opts.MaxTTL/time.Minute)))
}

// tidyLocators sorts a record's locators, and leaves the first of those that
// name the same RLOC.
func tidyLocators(r *lisp.Record) {
	if len(r.Locators) > 1 {
		slices.SortStableFunc(r.Locators, compareLocators)
		r.Locators = slices.CompactFunc(r.Locators, sameLocator)
	}
}

// refuseLocator says what is wrong with a registered locator.
func refuseLocator(conf *siteConfig, l *lisp.Locator) string {
	a := l.Address.IP
	switch {
	case a.IsValid() && !usableLocator(a):
		return "is no address that packets can be sent to"
	case len(conf.AllowedLocators) == 0:
		return ""
	case !a.IsValid():
		return "cannot be compared with the site's allowed locators"
	case !conf.allowed.Contains(a):
		return fmt.Sprintf("is not within the allowed locators of site %s", conf.Name)
	}
	return ""
}

// usableLocator reports whether an address can be a locator: multicast is one
// for multicast EIDs.
func usableLocator(a netip.Addr) bool {
	return routable(a) || a.IsMulticast() && !a.IsLinkLocalMulticast() && !a.IsInterfaceLocalMulticast()
}
