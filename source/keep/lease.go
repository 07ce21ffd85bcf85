package keep

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// Lease is a viewer's lease, and the permission it was given for.
type Lease struct {
	ID      dstlist.ID
	Viewer  netip.AddrPort
	Word    dstlist.Word // what the client says of its domain
	Expires time.Time
	Until   time.Time  // when the permission ends; the zero time for never
	Client  netip.Addr // who asked for it
	Subject string     // who the client is; empty for not known
}

// stored is a lease as it is in the store. Times are Unix milliseconds.
type stored struct {
	Viewer  netip.AddrPort `json:"viewer"`
	Word    dstlist.Word   `json:"word,omitempty"`
	Expires int64          `json:"expires"`
	Until   int64          `json:"until,omitempty"`
	Client  *netip.Addr    `json:"client,omitempty"` // if it is not the viewer itself
	Subject string         `json:"subject,omitempty"`
}

// maxSubject bounds what is kept of a subject.
const maxSubject = 1 << 10

func (l *Lease) encode() ([]byte, error) {
	s := stored{Viewer: l.Viewer, Word: l.Word, Expires: l.Expires.UnixMilli(), Subject: l.Subject[:min(len(l.Subject), maxSubject)]}
	if !l.Until.IsZero() {
		s.Until = l.Until.UnixMilli()
	}
	if l.Client != l.Viewer.Addr() {
		s.Client = &l.Client
	}
	return json.Marshal(s)
}

var errLease = errors.New("not a lease")

func decodeLease(id dstlist.ID, value []byte) (l Lease, err error) {
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		return l, fmt.Errorf("%w: %w", errLease, err)
	}
	if !s.Viewer.IsValid() || s.Viewer.Port() == 0 || s.Client != nil && !s.Client.IsValid() || s.Word > dstlist.Unicast {
		return l, fmt.Errorf("%w: viewer %q, word %d", errLease, s.Viewer, s.Word)
	}
	l = Lease{ID: id, Viewer: s.Viewer, Word: s.Word, Expires: time.UnixMilli(s.Expires), Client: s.Viewer.Addr(), Subject: s.Subject}
	if s.Until != 0 {
		l.Until = time.UnixMilli(s.Until)
	}
	if s.Client != nil {
		l.Client = *s.Client
	}
	return l, nil
}

// keys of one channel.
type keys struct{ prefix string }

func keysOf(channel string) keys { return keys{"source/channels/" + channel + "/"} }

func (k keys) active() string   { return k.prefix + "active" }
func (k keys) secret() string   { return k.prefix + "key" }
func (k keys) sequence() string { return k.prefix + "sequence" }
func (k keys) viewers() string  { return k.prefix + "viewers/" }
func (k keys) renewals() string { return k.prefix + "renewals/" }

func (k keys) lease(id dstlist.ID) string { return fmt.Sprintf("%s%016x", k.viewers(), uint64(id)) }

func (k keys) renewalsAt(ms int64) string { return fmt.Sprintf("%s%016x", k.renewals(), ms) }

// timeOf reads the time in the key of renewals; 0 for another key.
func (k keys) timeOf(key string) int64 {
	ms, err := strconv.ParseInt(strings.TrimPrefix(key, k.renewals()), 16, 64)
	if err != nil {
		return 0
	}
	return ms
}

// Active is the key of the turn to send a channel.
func Active(channel string) string { return keysOf(channel).active() }

func parseID(s string) (dstlist.ID, error) {
	id, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("%w: ID %.40q: want 16 hex digits", errLease, s)
	}
	return dstlist.ID(id), nil
}
