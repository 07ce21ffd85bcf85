package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/source/viewerapi/auth"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func request(token string) *auth.Request {
	return &auth.Request{Channel: "news", Client: netip.MustParseAddr("10.1.0.11"),
		Viewer: netip.MustParseAddrPort("10.1.0.11:5004"), Token: token, User: "u", Password: "p", Query: "a=b"}
}

// issuer makes tokens and the key set to check them with.
type issuer struct {
	key    *ecdsa.PrivateKey
	signer jose.Signer
}

func newIssuer(t *testing.T, id string) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{key, signer}
}

func (i *issuer) jwks(id string) []byte {
	b, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"}}})
	return b
}

func (i *issuer) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	s, err := jwt.Signed(i.signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJWT(t *testing.T) {
	i, stranger := newIssuer(t, "k1"), newIssuer(t, "k1")
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, i.jwks("k1"), 0o600); err != nil {
		t.Fatal(err)
	}
	j := &auth.JWT{Verifier: credential.Verifier{Keys: credential.NewKeySet(file), Issuer: "https://login.example", Audience: "tv"}}
	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	good := map[string]any{"iss": "https://login.example", "aud": "tv", "sub": "alice", "exp": exp.Unix(), "channels": []string{"news"}}
	with := func(name string, value any) map[string]any {
		c := map[string]any{name: value}
		for k, v := range good {
			if k != name {
				c[k] = v
			}
		}
		if value == nil {
			delete(c, name)
		}
		return c
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"good":             {i.token(t, good), nil},
		"one channel":      {i.token(t, with("channels", "news")), nil},
		"all channels":     {i.token(t, with("channels", "*")), nil},
		"another channel":  {i.token(t, with("channels", "sports")), auth.ErrForbidden},
		"no channel":       {i.token(t, with("channels", nil)), auth.ErrForbidden},
		"numbers":          {i.token(t, with("channels", 7)), auth.ErrCredentials},
		"ended":            {i.token(t, with("exp", time.Now().Add(-time.Second).Unix())), auth.ErrCredentials},
		"never ends":       {i.token(t, with("exp", nil)), auth.ErrCredentials},
		"not yet":          {i.token(t, with("nbf", exp.Unix())), auth.ErrCredentials},
		"another issuer":   {i.token(t, with("iss", "x")), auth.ErrCredentials},
		"another audience": {i.token(t, with("aud", "radio")), auth.ErrCredentials},
		"forged":           {stranger.token(t, good), auth.ErrCredentials},
		"none":             {"", auth.ErrCredentials},
		"no token":         {"x.y.z", auth.ErrCredentials},
		"alg none":         {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", auth.ErrCredentials},
		"huge":             {strings.Repeat("x", 1<<20), auth.ErrCredentials},
	} {
		g, err := j.Authorize(t.Context(), request(c.token))
		if !errors.Is(err, c.want) || c.want == nil && (g.Subject != "alice" || !g.Until.Equal(exp)) {
			t.Errorf("%s: %+v, %v; want %v", name, g, err, c.want)
		}
	}
}

// Keys are fetched again for a token with a new one, but not for each.
func TestKeySetFollowsRotation(t *testing.T) {
	i := newIssuer(t, "k1")
	fetches := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches++
		_, _ = w.Write(i.jwks("k1"))
	}))
	defer server.Close()
	keys := credential.NewKeySet(server.URL)
	defer keys.Close()
	j := &auth.JWT{Verifier: credential.Verifier{Keys: keys}}
	claims := map[string]any{"exp": time.Now().Add(time.Hour).Unix(), "channels": "*"}
	for range 3 {
		if _, err := j.Authorize(t.Context(), request(i.token(t, claims))); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if _, err := j.Authorize(t.Context(), request(newIssuer(t, "k2").token(t, claims))); !errors.Is(err, auth.ErrCredentials) {
			t.Fatal(err)
		}
	}
	if fetches != 1 {
		t.Errorf("%d fetches", fetches)
	}
	if err := credential.NewKeySet("/nonexistent").Check(t.Context()); err == nil {
		t.Error("a key set that is not there")
	}
}

func TestHook(t *testing.T) {
	const secret = "between us"
	var got map[string]any
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = nil
		if err := json.Unmarshal(b, &got); err != nil || !credential.Verify([]byte(secret), time.Now(), time.Minute, b, r.Header.Get(credential.SignatureHeader)) {
			t.Errorf("%s, signed %q: %v", b, r.Header.Get(credential.SignatureHeader), err)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	hook := auth.NewHook(server.URL, secret)
	defer hook.Close()
	for _, c := range []struct {
		status   int
		body     string
		want     error
		lifetime time.Duration
	}{
		{200, "", nil, 0},
		{204, "", nil, 0},
		{200, "OK", nil, 0},
		{200, `{"lifetime": 60, "subject": "alice"}`, nil, time.Minute},
		{200, `{"lifetime": -1}`, auth.ErrUnavailable, 0},
		{200, `{"lifetime": 1e300}`, auth.ErrUnavailable, 0},
		{200, `{"lifetime": "long"}`, auth.ErrUnavailable, 0},
		{200, strings.Repeat(" ", 1<<20), auth.ErrUnavailable, 0},
		{401, "", auth.ErrCredentials, 0},
		{403, "", auth.ErrForbidden, 0},
		{404, "", auth.ErrForbidden, 0},
		{429, "", auth.ErrUnavailable, 0},
		{302, "", auth.ErrUnavailable, 0},
		{500, "", auth.ErrUnavailable, 0},
	} {
		status, body = c.status, c.body
		g, err := hook.Authorize(t.Context(), request("t"))
		if !errors.Is(err, c.want) {
			t.Errorf("%d %.30s: %v, want %v", c.status, c.body, err, c.want)
		}
		if d := time.Until(g.Until); c.lifetime > 0 && (d > c.lifetime || d < c.lifetime-5*time.Second || g.Subject != "alice") {
			t.Errorf("%d %s: %+v", c.status, c.body, g)
		}
	}
	for k, want := range map[string]any{"user": "u", "password": "p", "token": "t", "ip": "10.1.0.11", "action": "read", "path": "news",
		"protocol": "corecast", "query": "a=b", "eid": "10.1.0.11", "port": 5004.0} {
		if got[k] != want {
			t.Errorf("%s is %v, want %v", k, got[k], want)
		}
	}
}

// A hook that hangs is given up with the client, and many of them at once are
// refused.
func TestHookHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	hook := auth.NewHook(server.URL, "")
	defer hook.Close()
	ctx, cancel := context.WithCancel(t.Context())
	const clients, places = 300, 256
	done := make(chan error, clients)
	for range clients {
		go func() {
			_, err := hook.Authorize(ctx, request("t"))
			done <- err
		}()
	}
	for range clients - places {
		if err := <-done; !errors.Is(err, auth.ErrUnavailable) || !strings.Contains(err.Error(), "256 clients") {
			t.Error(err)
		}
	}
	cancel()
	for range places {
		if err := <-done; !errors.Is(err, auth.ErrUnavailable) {
			t.Error(err)
		}
	}
}
