package viewerapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi/auth"
)

// joinRequest is the body of a join.
type joinRequest struct {
	// EID is where the media is to go; empty for the client's own address.
	EID  string `json:"eid,omitempty"`
	Port uint16 `json:"port"`
	// CoreCast is the client's word on its domain: auto, true or false; empty
	// for auto.
	CoreCast string `json:"corecast,omitempty"`
}

// Lease is what a viewer gets.
type Lease struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	EID     string `json:"eid"`
	Port    uint16 `json:"port"`
	// Source is where the media comes from.
	Source string `json:"source"`
	// TTL is the seconds until the lease ends, RenewAfter those until it
	// should be renewed: not the same for all viewers.
	TTL        float64   `json:"ttl"`
	RenewAfter float64   `json:"renew_after"`
	Expires    time.Time `json:"expires"`
}

func (s *Server) join(w http.ResponseWriter, r *http.Request) {
	l, err := s.admit(r)
	if err != nil {
		s.counts.refused.Add(1)
		fail(w, r, err)
		return
	}
	s.counts.joined.Add(1)
	c := s.channels[l.Channel]
	w.Header().Set("Location", pathOf(c, l.ID))
	answer(w, http.StatusCreated, l)
}

// admit does all that a join takes: permission, proof, a place in the list.
func (s *Server) admit(r *http.Request) (*Lease, error) {
	c, err := s.channelHere(r)
	if err != nil {
		return nil, err
	}
	client, err := s.client(r)
	if err != nil {
		return nil, err
	}
	v, err := s.wanted(r, c, client)
	if err != nil {
		return nil, err
	}
	if !s.leases.take(client, s.limits.PerAddress) {
		return nil, problem{http.StatusTooManyRequests, "too many leases",
			fmt.Sprintf("%s has %d, the most for one address: leave some, or wait until they end", client, s.limits.PerAddress)}
	}
	l, err := s.admitViewer(r, c, client, v)
	if err != nil {
		s.leases.give(client)
	}
	return l, err
}

// wanted reads which viewer is to join.
func (s *Server) wanted(r *http.Request, c *channel, client netip.Addr) (v dstlist.Viewer, err error) {
	var body joinRequest
	if err := decode(r, &body); err != nil {
		return v, err
	}
	v = dstlist.Viewer{EID: client, Port: body.Port}
	if body.EID != "" {
		if v.EID, err = netip.ParseAddr(body.EID); err != nil {
			return v, problem{http.StatusUnprocessableEntity, "not an address", fmt.Sprintf("eid %.60q: want an IP address", body.EID)}
		}
	}
	switch body.CoreCast {
	case "", "auto":
	case "true":
		v.Word = dstlist.CoreCast
	case "false":
		v.Word = dstlist.Unicast
	default:
		return v, problem{http.StatusUnprocessableEntity, "not understood", fmt.Sprintf("corecast %.60q: want auto, true or false", body.CoreCast)}
	}
	if err := c.Viewers.Check(v); err != nil {
		return v, err
	}
	if !v.EID.IsGlobalUnicast() && !v.EID.IsLoopback() || v.EID == c.Source.Addr() && v.Port == c.Source.Port() {
		return v, problem{http.StatusUnprocessableEntity, "not a viewer's address", fmt.Sprintf("eid %s: want the unicast address of one host", v.EID)}
	}
	return v, nil
}

func (s *Server) admitViewer(r *http.Request, c *channel, client netip.Addr, v dstlist.Viewer) (*Lease, error) {
	q := credentials(r)
	q.Channel, q.Client, q.Viewer = c.Name, client, netip.AddrPortFrom(v.EID, v.Port)
	grant, err := s.opts.Auth.Authorize(r.Context(), &q)
	if err != nil {
		return nil, err
	}
	if v.EID != client {
		if err := s.prove(r.Context(), c, client, q.Viewer); err != nil {
			return nil, err
		}
	}
	to := s.opts.Locate(c.Name, v)
	v.RLOC, v.Unicast = to.RLOC, to.Unicast
	expires, err := s.expiry(time.Now(), grant)
	if err != nil {
		return nil, err
	}
	id, err := s.place(c, v, expires, special{until: grant.Until, client: client, subject: grant.Subject})
	if err != nil {
		return nil, err
	}
	return s.lease(c, id, v, expires), nil
}

// expiry is when a lease given now ends.
func (s *Server) expiry(now time.Time, g auth.Grant) (time.Time, error) {
	expires := now.Add(s.limits.TTL)
	if !g.Until.IsZero() {
		left := g.Until.Sub(now) // times of tokens have no monotonic clock
		if left < 2*dstlist.Tick {
			return time.Time{}, fmt.Errorf("%w: they ended at %s", auth.ErrCredentials, g.Until.UTC().Format(time.RFC3339))
		}
		if left < s.limits.TTL {
			expires = now.Add(left)
		}
	}
	return expires, nil
}

// place puts a viewer into the list. One that is there already has proved its
// address again and may have lost its lease: it gets a new one.
func (s *Server) place(c *channel, v dstlist.Viewer, expires time.Time, is special) (dstlist.ID, error) {
	t, err := c.turn.use()
	if err != nil {
		return 0, err
	}
	defer t.done()
	for {
		id, err := c.Viewers.Join(v, expires)
		if err == nil {
			s.leases.set(c, id, v.EID, is)
			t.journal.Changed(id)
			s.events.add(eventOf(EventJoin, c, v, is.subject))
			return id, nil
		}
		if !errors.Is(err, dstlist.ErrPresent) {
			return 0, err
		}
		if _, expires, ok := c.Viewers.Get(id); ok && expires.IsZero() {
			return 0, problem{http.StatusConflict, "a viewer for good", fmt.Sprintf("%s is served without a lease: the source's configuration names it", v)}
		}
		s.dismiss(c, t, id)
	}
}

// dismiss ends a stay, if it has not ended, because its viewer leaves.
func (s *Server) dismiss(c *channel, t *turnOf, id dstlist.ID) bool {
	v, ok := c.Viewers.Leave(id)
	if ok {
		was := s.leases.remove(c, id, v.EID)
		t.journal.Changed(id)
		s.events.add(eventOf(EventLeave, c, v, was.subject))
	}
	return ok
}

func (s *Server) lease(c *channel, id dstlist.ID, v dstlist.Viewer, expires time.Time) *Lease {
	ttl := time.Until(expires)
	return &Lease{
		ID: c.turn.encode(id), Channel: c.Name, EID: v.EID.String(), Port: v.Port, Source: c.Source.String(),
		TTL: seconds(ttl), RenewAfter: seconds(renewAfter(ttl)), Expires: expires.UTC().Truncate(time.Millisecond),
	}
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// prove waits until a viewer has echoed a nonce.
func (s *Server) prove(ctx context.Context, c *channel, client netip.Addr, v netip.AddrPort) error {
	if s.opts.Prover == nil {
		return problem{http.StatusForbidden, "not your address",
			fmt.Sprintf("eid %s: this source sends media to the address that asks only, which is %s", v.Addr(), client)}
	}
	p, err := s.pending.add(client, v)
	if err != nil {
		return err
	}
	defer s.pending.remove(p)
	for _, wait := range proofWaits {
		if err := s.opts.Prover.send(v, p.nonce); err != nil {
			return problem{http.StatusUnprocessableEntity, "the address cannot be reached", fmt.Sprintf("%s: %v", v, err)}
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.counts.unproved.Add(1)
	return problem{http.StatusForbidden, "the address did not prove itself",
		fmt.Sprintf("%s did not send back the nonce that %s sent it by UDP: join from that address, or with `corecast watch`", v, s.opts.Prover.Addr())}
}
