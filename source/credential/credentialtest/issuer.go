// Package credentialtest is an OpenID Connect issuer for tests. It owns its keys
// and its server, and promises tokens that its keys verify.
package credentialtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Issuer makes tokens, and serves the keys to check them with over TLS.
type Issuer struct {
	// URL is what the claim iss is to be.
	URL string
	// Client believes the server's certificate.
	Client *http.Client
	// Fetches counts how often the keys were asked for.
	Fetches atomic.Int64

	mu     sync.Mutex // guards all below
	number int        // of the key
	key    *ecdsa.PrivateKey
}

// NewIssuer starts an issuer, which ends with the test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{}
	i.Rotate(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.Fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: i.key.Public(), KeyID: i.keyIDLocked(), Algorithm: "ES256", Use: "sig"}}})
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	i.URL, i.Client = server.URL, server.Client()
	return i
}

func (i *Issuer) keyIDLocked() string { return fmt.Sprintf("k%d", i.number) }

// Rotate replaces the key by a new one.
func (i *Issuer) Rotate(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
	i.number++
}

// Token signs claims.
func (i *Issuer) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: i.keyIDLocked()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
