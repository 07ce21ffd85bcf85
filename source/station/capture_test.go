package station_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/viewerapi"
)

// capture is all that is sent to an address.
type capture struct {
	addr netip.AddrPort

	mu            sync.Mutex // guards what follows
	media, proofs int        // datagrams
}

func newCapture(t *testing.T, ip string) *capture {
	t.Helper()
	c := new(capture)
	c.addr = sourcetest.Receive(t, netip.MustParseAddr(ip), func(datagram []byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if viewerapi.IsProof(datagram) {
			c.proofs++
		} else {
			c.media++
		}
	})
	return c
}

func (c *capture) counts() (media, proofs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.media, c.proofs
}

func (c *capture) got() int {
	media, _ := c.counts()
	return media
}

// joinAs asks for media to be sent there, and returns the status and the answer.
func joinAs(t *testing.T, url string, to netip.AddrPort, query string) (int, map[string]any) {
	return ask(t, http.MethodPost, url+"/v1/channels/news/viewers"+query, fmt.Sprintf(`{"eid": %q, "port": %d}`, to.Addr(), to.Port()))
}

// tokens returns a function that makes tokens that end, and the file with the
// key to check them with.
func tokens(t *testing.T) (make func(exp time.Time) string, jwks string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	jwks = filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(jwks, set, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(exp time.Time) string {
		s, err := jwt.Signed(signer).Claims(map[string]any{"sub": "alice", "channels": "news", "exp": exp.Unix()}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, jwks
}

// What addresses are sent, as they themselves see it: one whose lease is not
// renewed nothing after it, one whose token has ended nothing after that, one
// that does not prove itself never a byte of media. Another viewer is there all
// the time.
func TestCaptures(t *testing.T) {
	t.Parallel()
	sourcetest.NewNetwork(t, "127.44.0.21")
	token, jwks := tokens(t)
	cfg := loopback(t, clipFile(t), "127.44.0.21")
	cfg.Channels[0].Loop = true
	cfg.Limits.TTL = 4 * time.Second
	cfg.Auth.JWKS = jwks
	url, _, _ := run(t, cfg)
	always, lapsed, cut, unproved := newCapture(t, "127.0.0.1"), newCapture(t, "127.0.0.1"), newCapture(t, "127.0.0.1"), newCapture(t, "127.0.0.9")
	long := "?token=" + token(time.Now().Add(time.Hour))

	_, steady := joinAs(t, url, always.addr, long)
	end := time.Now().Add(cfg.Limits.TTL)
	_, once := joinAs(t, url, lapsed.addr, long)
	exp := time.Now().Add(4 * time.Second).Truncate(time.Second)
	_, short := joinAs(t, url, cut.addr, "?token="+token(exp))
	ids := []any{steady["id"], once["id"], short["id"]}
	for _, id := range ids {
		if id == nil {
			t.Fatalf("not joined: %v", ids)
		}
	}
	sourcetest.Until(t, "media for all", func() bool { return always.got() > 0 && lapsed.got() > 0 && cut.got() > 0 })
	refused := make(chan int, 1)
	go func() {
		status, _ := joinAs(t, url, unproved.addr, long)
		refused <- status
	}()
	// The one that is cut renews, the one that lapses does not; the others' ends
	// pass, and what is on its way arrives.
	for time.Now().Before(end.Add(time.Second)) {
		renewed(t, url, steady["id"].(string))
		renewed(t, url, short["id"].(string))
		time.Sleep(100 * time.Millisecond)
	}
	lapsedBefore, cutBefore, alwaysBefore := lapsed.got(), cut.got(), always.got()
	sourcetest.Until(t, "more media for who renews", func() bool {
		renewed(t, url, steady["id"].(string))
		return always.got() > alwaysBefore+40
	})
	if n := lapsed.got(); n != lapsedBefore {
		t.Errorf("%d packets after the lease", n-lapsedBefore)
	}
	if n := cut.got(); n != cutBefore || renewed(t, url, short["id"].(string)) {
		t.Errorf("%d packets after the token", n-cutBefore)
	}
	if status := <-refused; status != http.StatusForbidden {
		t.Errorf("an address that did not prove itself: %d", status)
	}
	if media, proofs := unproved.counts(); media != 0 || proofs < 1 || proofs > 3 {
		t.Errorf("it was sent %d packets of media and %d nonces", media, proofs)
	}
}
