package mapserver

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// subscriber is an xTR that has registered, and so shares a key with the
// server.
type subscriber struct {
	*harness
	xtr   lisp.XTR
	nonce uint64
}

var subscriberRLOC = netip.MustParseAddrPort("192.0.2.70:4342")

func newSubscriber(t *testing.T, opts Options, sites ...Site) *subscriber {
	t.Helper()
	home := studio()
	home.Name, home.EIDPrefixes = "home", prefixes("10.200.0.0/16")
	u := &subscriber{harness: newHarness(t, opts, append(sites, home)...), xtr: lisp.XTR{ID: [16]byte{7}, Site: [8]byte{8}}, nonce: 1000}
	u.registerHome(1)
	return u
}

func (u *subscriber) registerHome(nonce uint64) {
	u.t.Helper()
	r := registerOf(nonce, record("10.200.0.0/16", 60, "192.0.2.70"))
	r.HasXTR, r.XTR, r.UseTTL, r.Records[0].TTL = true, u.xtr, true, 24*60
	u.register(subscriberRLOC, r, true)
}

// subscribe asks to be told of an EID-prefix, from an ITR-RLOC (the zero Addr to
// end it), and returns what the server sends.
func (u *subscriber) subscribe(e string, at netip.Addr) []sent {
	u.t.Helper()
	r := requestOf(u.nonce, e)
	r.ITRs, r.HasXTR, r.XTR, r.Records[0].Notify = []lisp.Address{{IP: at}}, true, u.xtr, true
	return u.handle(subscriberRLOC, ecmOf(u.t, r, "192.0.2.70:50505"))
}

// told decodes Map-Notifies to the subscriber: nonces and what they say.
func (u *subscriber) told(list []sent) (nonces []uint64, words []string) {
	u.t.Helper()
	for _, d := range list {
		if lisp.PeekType(d.payload) != lisp.TypeMapNotify || d.to != subscriberRLOC {
			continue
		}
		var n lisp.MapNotify
		if err := n.Decode(d.payload); err != nil {
			u.t.Fatal(err)
		}
		if err := lisp.NewKey([]byte("sesame")).Verify(d.payload); err != nil || !n.HasXTR || n.XTR != u.xtr || d.from != local {
			u.t.Fatalf("Map-Notify %+v from %s: %v", n, d.from, err)
		}
		var records []string
		for _, r := range n.Records {
			records = append(records, describe(r))
		}
		nonces, words = append(nonces, n.Nonce), append(words, strings.Join(records, "; "))
	}
	return nonces, words
}

// acknowledge answers Map-Notifies, and returns what the server sends on that.
func (u *subscriber) acknowledge(list []sent, secret string) (more []sent) {
	u.t.Helper()
	for _, d := range list {
		if lisp.PeekType(d.payload) != lisp.TypeMapNotify || d.to != subscriberRLOC {
			continue
		}
		var n lisp.MapNotify
		if err := n.Decode(d.payload); err != nil {
			u.t.Fatal(err)
		}
		ack, err := n.AppendAck(nil)
		if err == nil {
			err = lisp.NewKey([]byte(secret)).Sign(ack)
		}
		if err != nil {
			u.t.Fatal(err)
		}
		more = append(more, u.handle(subscriberRLOC, ack)...)
	}
	return more
}

// expect checks what the subscriber is told, and acknowledges it.
func (u *subscriber) expect(what string, list []sent, nonce uint64, words ...string) {
	u.t.Helper()
	nonces, got := u.told(list)
	if !slices.Equal(got, words) || len(words) > 0 && nonces[len(nonces)-1] != nonce {
		u.t.Errorf("%s: nonces %v, told %q; want %d, %q", what, nonces, got, nonce, words)
	}
	u.acknowledge(list, "sesame")
}

func (u *subscriber) move(prefix, rloc string) []sent {
	u.t.Helper()
	r := registerOf(1, record(prefix, 0)) // withdraws
	if r.UseTTL = true; rloc != "" {
		r.Records = []lisp.Record{record(prefix, 60, rloc)}
	}
	return u.handle(etr, r.encode(u.t))
}
