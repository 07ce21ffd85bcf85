package credential_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/source/credential/credentialtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func verifier(i *credentialtest.Issuer) *credential.Verifier {
	return &credential.Verifier{Keys: credential.NewIssuer(i.URL, i.Client), Issuer: i.URL, Audience: "corecast"}
}

func claims(i *credentialtest.Issuer) map[string]any {
	return map[string]any{"iss": i.URL, "aud": "corecast", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}
}

// However many ask at once, the keys are fetched once, and all get them.
func TestIssuerIsAskedOnce(t *testing.T) {
	i := credentialtest.NewIssuer(t)
	v, token := verifier(i), i.Token(t, claims(i))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if c, err := v.Verify(t.Context(), token); err != nil || c.Subject != "alice" {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
	wg.Wait()
	if n := i.Fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// A token of a new key is believed when the issuer has it, and one of the old
// key no more; not before keysPause has passed.
func TestRotation(t *testing.T) {
	i := credentialtest.NewIssuer(t)
	v, old := verifier(i), i.Token(t, claims(i))
	if _, err := v.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	i.Rotate(t)
	rotated := i.Token(t, claims(i))
	if _, err := v.Verify(t.Context(), rotated); !errors.Is(err, credential.ErrInvalid) || i.Fetches.Load() != 1 {
		t.Fatalf("at once: %v", err)
	}
	if err := v.Keys.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), rotated); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), old); !errors.Is(err, credential.ErrInvalid) {
		t.Errorf("the old key: %v", err)
	}
}

// An issuer that is not what it should be is believed nothing.
func TestWrongIssuers(t *testing.T) {
	for _, tt := range []struct{ name, about, want string }{
		{"another", `{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}`, "it says that it is"},
		{"keys in the clear", `{"issuer":"SELF","jwks_uri":"http://evil.example/keys"}`, "is not https"},
		{"keys in a file", `{"issuer":"SELF","jwks_uri":"/etc/passwd"}`, "is not https"},
		{"garbage", `<html>`, "is no JSON"},
		{"endless", strings.Repeat("[", 4<<20), "is no JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var self string
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(strings.ReplaceAll(tt.about, "SELF", self)))
			}))
			defer server.Close()
			self = server.URL
			keys := credential.NewIssuer(self, server.Client())
			if err := keys.Check(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			_, err := (&credential.Verifier{Keys: keys, Issuer: self}).Verify(t.Context(), credentialtest.NewIssuer(t).Token(t, map[string]any{}))
			if !errors.Is(err, credential.ErrUnavailable) {
				t.Errorf("a token: %v", err)
			}
		})
	}
}

// FuzzVerify: nothing but what the issuer signed is believed.
func FuzzVerify(f *testing.F) {
	i := credentialtest.NewIssuer(f)
	v, c := verifier(i), claims(i)
	good := i.Token(f, c)
	f.Add(good)
	f.Add("")
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.")
	c["exp"] = 1
	f.Add(i.Token(f, c))
	f.Fuzz(func(t *testing.T, token string) {
		var all map[string]json.RawMessage
		if _, err := v.Verify(t.Context(), token, &all); err == nil && !sameToken(token, good) {
			t.Fatalf("%q is believed", token)
		}
	})
}

// sameToken reports whether header and claims are those signed; a signature in
// base64 can be written in several ways.
func sameToken(a, b string) bool {
	return a[:strings.LastIndexByte(a, '.')] == b[:strings.LastIndexByte(b, '.')]
}
