package viewerapi

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi/auth"
)

// renewAfter spreads renewals over a fifth of the lease around its middle, so
// that viewers that came at once do not come back at once, and a lost renewal
// can be repeated.
func renewAfter(ttl time.Duration) time.Duration {
	return time.Duration(float64(ttl) * (0.4 + 0.2*rand.Float64()))
}

// errGone is a lease that has ended, or never was.
var errGone = problem{http.StatusNotFound, "no such lease", "it has ended, or the source was restarted: join again"}

// leaseOf finds the lease that the request's path names.
func (s *Server) leaseOf(r *http.Request) (c *channel, id dstlist.ID, v dstlist.Viewer, expires time.Time, err error) {
	if c, err = s.channelHere(r); err != nil {
		return c, 0, v, expires, err
	}
	id, ok := c.turn.decode(r.PathValue("id"))
	if ok {
		v, expires, ok = c.Viewers.Get(id)
	}
	if !ok {
		err = errGone
	}
	return c, id, v, expires, err
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	c, id, v, expires, err := s.leaseOf(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, s.lease(c, id, v, expires))
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	c, id, v, _, err := s.leaseOf(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	expires, err := s.extend(r, c, id, v)
	if err != nil {
		s.counts.refused.Add(1)
		fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, s.lease(c, id, v, expires))
}

// extend makes a lease last longer, as long as its permission lasts. Credentials
// that come with the renewal are a new permission.
func (s *Server) extend(r *http.Request, c *channel, id dstlist.ID, v dstlist.Viewer) (time.Time, error) {
	was := s.leases.get(c, id, v.EID)
	grant := auth.Grant{Subject: was.subject, Until: was.until}
	if q := credentials(r); q.HasCredentials() {
		client, err := s.client(r)
		if err != nil {
			return time.Time{}, err
		}
		q.Channel, q.Client, q.Viewer, q.Renew = c.Name, client, netip.AddrPortFrom(v.EID, v.Port), true
		if grant, err = s.opts.Auth.Authorize(r.Context(), &q); err != nil {
			return time.Time{}, err
		}
	}
	expires, err := s.expiry(time.Now(), grant)
	if err != nil {
		return time.Time{}, err
	}
	t, err := c.turn.use()
	if err != nil {
		return time.Time{}, err
	}
	defer t.done()
	if !c.Viewers.Renew(id, expires) {
		return time.Time{}, errGone
	}
	if now := (special{until: grant.Until, client: was.client, subject: grant.Subject}); now != was {
		s.leases.set(c, id, v.EID, now)
		t.journal.Changed(id)
	} else {
		t.journal.Renewed(id)
	}
	s.counts.renewed.Add(1)
	return expires, nil
}

func (s *Server) leave(w http.ResponseWriter, r *http.Request) {
	c, id, _, _, err := s.leaseOf(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	v, ok := c.Viewers.Leave(id)
	if !ok {
		fail(w, r, errGone)
		return
	}
	was := s.leases.remove(c, id, v.EID)
	s.counts.left.Add(1)
	s.events.add(eventOf(EventLeave, c, v, was.subject))
	w.WriteHeader(http.StatusNoContent)
}

// maxRenewals is how many leases one request may renew.
const maxRenewals = 10_000

// renewalsRequest and renewalsAnswer are the bodies of a batch.
type (
	renewalsRequest struct {
		IDs []string `json:"ids"`
	}
	renewalsAnswer struct {
		TTL        float64  `json:"ttl"`
		RenewAfter float64  `json:"renew_after"`
		Renewed    int      `json:"renewed"`
		Gone       []string `json:"gone"`  // leases that have ended
		Ended      []string `json:"ended"` // leases whose permission has ended
	}
)

// renewMany renews leases of one channel, for those who look after many
// viewers. Each keeps its own permission.
func (s *Server) renewMany(w http.ResponseWriter, r *http.Request) {
	c, err := s.channelHere(r)
	var body renewalsRequest
	if err == nil {
		err = decode(r, &body)
	}
	if err == nil && len(body.IDs) > maxRenewals {
		err = problem{http.StatusRequestEntityTooLarge, "too many leases", fmt.Sprintf("%d ids: want at most %d", len(body.IDs), maxRenewals)}
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	out, err := s.renewAll(c, body.IDs)
	if err != nil {
		fail(w, r, err)
		return
	}
	s.counts.renewed.Add(uint64(out.Renewed))
	answer(w, http.StatusOK, out) // the client may take its time: the turn is not held
}

// renewAll renews leases of a channel, as long as the permission of each lasts.
func (s *Server) renewAll(c *channel, ids []string) (renewalsAnswer, error) {
	t, err := c.turn.use()
	if err != nil {
		return renewalsAnswer{}, err
	}
	defer t.done()
	now := time.Now()
	out := renewalsAnswer{TTL: seconds(s.limits.TTL), RenewAfter: seconds(renewAfter(s.limits.TTL)), Gone: []string{}, Ended: []string{}}
	for _, text := range ids {
		switch err := s.renewOne(c, t, text, now); err {
		case nil:
			out.Renewed++
		case errGone:
			out.Gone = append(out.Gone, text)
		default:
			out.Ended = append(out.Ended, text)
		}
	}
	return out, nil
}

func (s *Server) renewOne(c *channel, t *turnOf, text string, now time.Time) error {
	id, ok := t.ids.decode(text)
	if !ok {
		return errGone
	}
	v, _, ok := c.Viewers.Get(id)
	if !ok {
		return errGone
	}
	was := s.leases.get(c, id, v.EID)
	expires, err := s.expiry(now, auth.Grant{Until: was.until})
	if err != nil {
		return err
	}
	if !c.Viewers.Renew(id, expires) {
		return errGone
	}
	t.journal.Renewed(id)
	return nil
}
