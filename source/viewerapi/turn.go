package viewerapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/keep"
)

// Journal is told of the leases of a channel that change, to keep them over a
// restart. It must not wait.
type Journal interface {
	Changed(dstlist.ID) // was given, or given for another permission, or has ended
	Renewed(dstlist.ID)
	Waiting() int // changes that a crash would lose
}

// noJournal is for sources that keep nothing.
type noJournal struct{}

func (noJournal) Changed(dstlist.ID) {}
func (noJournal) Renewed(dstlist.ID) {}
func (noJournal) Waiting() int       { return 0 }

// turnOf is whether this process gives leases of a channel now, and how. Of
// several sources with one store, one does.
type turnOf struct {
	// mu guards what follows. Whoever changes leases holds it for reading, so
	// that none changes once the turn has ended; nobody holds it while waiting
	// for a client.
	mu        sync.RWMutex
	active    bool
	ids       leaseIDs
	journal   Journal
	elsewhere string // URL of the source whose turn it is; empty for not known
}

func (t *turnOf) begin(ids leaseIDs, j Journal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active, t.ids, t.journal, t.elsewhere = true, ids, j, ""
}

// state is for people: whether it is this process's turn, and how many changes
// are not kept yet.
func (t *turnOf) state() (active bool, waiting int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.active, t.journal.Waiting()
}

// use makes sure that the turn does not end before done, or says whose it is.
func (t *turnOf) use() (*turnOf, error) {
	t.mu.RLock()
	if t.active {
		return t, nil
	}
	defer t.mu.RUnlock()
	return nil, standbyError{t.elsewhere}
}

func (t *turnOf) done() { t.mu.RUnlock() }

// encode and decode lease ids, whoever's turn it is.
func (t *turnOf) encode(id dstlist.ID) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.ids.encode(id)
}

func (t *turnOf) decode(text string) (dstlist.ID, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.ids.decode(text)
}

// standbyError is what viewers of a channel get that another source sends.
type standbyError struct{ elsewhere string }

func (e standbyError) Error() string { return "another source sends the channel: " + e.elsewhere }

// send leads the client to the other source, if it is known.
func (e standbyError) send(w http.ResponseWriter, r *http.Request) {
	if e.elsewhere == "" {
		problem{http.StatusServiceUnavailable, "a standby", "this source does not send the channel at this moment: try again in a second, or at another source of it"}.write(w)
		return
	}
	w.Header().Set("Location", e.elsewhere+r.URL.RequestURI())
	problem{http.StatusTemporaryRedirect, "a standby", "the channel is sent by " + e.elsewhere}.write(w)
}

// Begin begins this process's turn to give leases of a channel: those that were
// given before are taken over, with the key that their ids were made with. It
// returns how many cannot be.
func (s *Server) Begin(channel string, key [32]byte, leases []keep.Lease, j Journal) (refused int, err error) {
	c := s.channels[channel]
	if c == nil {
		return 0, fmt.Errorf("channel %s is not of this source", channel)
	}
	stays := make([]dstlist.Stay, len(leases))
	now := time.Now()
	for i, l := range leases {
		// From the store come times of the wall clock.
		v := dstlist.Viewer{EID: l.Viewer.Addr(), Port: l.Viewer.Port(), Word: l.Word}
		to := s.opts.Locate(channel, v)
		v.RLOC, v.Unicast = to.RLOC, to.Unicast
		stays[i] = dstlist.Stay{ID: l.ID, Viewer: v, Expires: now.Add(l.Expires.Sub(now))}
	}
	gone, err := c.Viewers.Restore(stays)
	if err != nil {
		return 0, fmt.Errorf("channel %s: %w", channel, err)
	}
	for _, l := range leases {
		if _, _, ok := c.Viewers.Get(l.ID); ok {
			s.leases.restore(c, l.ID, l.Viewer.Addr(), special{until: l.Until, client: l.Client, subject: l.Subject})
		}
	}
	for _, g := range gone {
		j.Changed(g.ID)
	}
	c.turn.begin(newLeaseIDs(channel, key), j)
	return len(gone), nil
}

// Stop stops giving leases, and changing them: what the journal looks up stays as
// it is.
func (s *Server) Stop(channel string) {
	c := s.channels[channel]
	c.turn.mu.Lock()
	defer c.turn.mu.Unlock()
	c.turn.active = false
}

// End ends the turn: the leases are forgotten here, and not a word about them. Viewers
// are led to the source at this URL, if it is not empty.
func (s *Server) End(channel, elsewhere string) {
	c := s.channels[channel]
	c.turn.mu.Lock()
	defer c.turn.mu.Unlock()
	for _, v := range c.Viewers.Clear() {
		s.leases.remove(c, v.ID, v.Viewer.EID)
	}
	c.turn.active, c.turn.elsewhere, c.turn.journal = false, elsewhere, noJournal{}
}

// Lease returns a lease of a channel as it is to be kept; false if it has ended.
func (s *Server) Lease(channel string, id dstlist.ID) (l keep.Lease, ok bool) {
	c := s.channels[channel]
	v, expires, ok := c.Viewers.Get(id)
	if !ok || expires.IsZero() {
		return l, false
	}
	is := s.leases.get(c, id, v.EID)
	return keep.Lease{ID: id, Viewer: netip.AddrPortFrom(v.EID, v.Port), Word: v.Word, Expires: expires,
		Until: is.until, Client: is.client, Subject: is.subject}, true
}
