package keep

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/store"
)

// secretSize is the length of the key of lease ids.
const secretSize = 32

var errOdd = errors.New("an entry that is not understood")

// state is what is kept of a channel.
type state struct {
	keys     keys
	leases   map[dstlist.ID]read
	renewals map[string]bool // keys of the renewals that are still stored
	active   []byte          // the value of the turn; nil for nobody's
	secret   []byte          // the key of lease ids; nil for none yet
	sequence uint64          // no number from here on was used, if there is one
	known    bool            // there is a sequence
	odd      int             // entries that are not understood
}

// read is a lease, and when it was written.
type read struct {
	Lease
	at store.Revision
}

func newState(k keys) *state {
	return &state{keys: k, leases: map[dstlist.ID]read{}, renewals: map[string]bool{}}
}

// put takes an entry in. Renewals must come after the leases that they renew.
func (s *state) put(e store.Entry) {
	var err error
	switch rest := e.Key; {
	case e.Key == s.keys.active():
		s.active = e.Value
	case e.Key == s.keys.secret() && len(e.Value) == secretSize:
		s.secret = e.Value
	case e.Key == s.keys.sequence() && len(e.Value) == 8:
		s.sequence, s.known = binary.BigEndian.Uint64(e.Value), true
	case cut(&rest, s.keys.viewers()):
		err = s.putLease(rest, e)
	case cut(&rest, s.keys.renewals()):
		s.renewals[e.Key] = true
		err = s.renew(e)
	default:
		err = errOdd
	}
	if err != nil {
		s.odd++
	}
}

func (s *state) putLease(id string, e store.Entry) error {
	parsed, err := parseID(id)
	if err != nil {
		return err
	}
	l, err := decodeLease(parsed, e.Value)
	if err == nil {
		s.leases[parsed] = read{l, e.Modified}
	}
	return err
}

func (s *state) renew(e store.Entry) error {
	all, err := decodeRenewals(e.Value)
	if err != nil {
		return err
	}
	for id, expires := range all {
		// A lease that was written anew since has its own end.
		if l, ok := s.leases[id]; ok && e.Modified > l.at {
			l.Expires = expires
			s.leases[id] = l
		}
	}
	return nil
}

// remove takes an entry out.
func (s *state) remove(key string) {
	switch rest := key; {
	case key == s.keys.active():
		s.active = nil
	case cut(&rest, s.keys.viewers()):
		if id, err := parseID(rest); err == nil {
			delete(s.leases, id)
		}
	case cut(&rest, s.keys.renewals()):
		delete(s.renewals, key)
	}
}

// live returns the leases that have not ended by now, and the IDs of those that
// have.
func (s *state) live(now time.Time) (live []Lease, ended []dstlist.ID) {
	for id, l := range s.leases {
		if l.Expires.After(now) {
			live = append(live, l.Lease)
		} else {
			ended = append(ended, id)
		}
	}
	return live, ended
}

// cut takes a prefix off s if it has it.
func cut(s *string, prefix string) bool {
	rest, ok := strings.CutPrefix(*s, prefix)
	if ok {
		*s = rest
	}
	return ok
}
