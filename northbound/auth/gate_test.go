package auth_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/northbound/auth/authtest"
	"github.com/corecast/corecast/source/credential/credentialtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// addToken adds a token to a file and returns it.
func addToken(t *testing.T, file, name string, role auth.Role, ends time.Time) string {
	t.Helper()
	secret, line, err := auth.NewToken(name, role, ends)
	if err == nil {
		err = auth.AppendToken(file, line)
	}
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest("GET", "/api/v1/sites", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func basic(password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+password))
}

// open makes a gate with a tokens file, an issuer and, if asked for, a CA.
func open(t *testing.T, cfg config.Config, client *http.Client) *auth.Gate {
	t.Helper()
	g, err := auth.Open(&cfg, auth.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func TestAdmit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	viewer := addToken(t, file, "grafana", auth.Viewer, time.Time{})
	admin := addToken(t, file, "root@studio", auth.Admin, time.Now().Add(time.Hour))
	ended := addToken(t, file, "old", auth.Operator, time.Now().Add(-time.Minute))
	i := credentialtest.NewIssuer(t)
	g := open(t, config.Config{Auth: config.Auth{TokensFile: file, OIDC: config.OIDC{
		Issuer: i.URL, Audience: "corecast", RoleClaim: "realm_access.roles",
		Roles: []config.ClaimRole{{Claim: "media-ops", Role: config.Operator}},
	}}}, i.Client)
	jwt := func(change map[string]any) string {
		c := map[string]any{"iss": i.URL, "aud": "corecast", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(),
			"realm_access": map[string]any{"roles": []string{"viewer", "media-ops", "cook"}}}
		for k, v := range change {
			c[k] = v
		}
		return "Bearer " + i.Token(t, c)
	}
	tests := []struct {
		name    string
		headers []string
		want    auth.Principal
		status  int
		detail  string
	}{
		{"token", []string{"Authorization", "Bearer " + viewer}, auth.Principal{Name: "grafana", Role: auth.Viewer, Method: auth.ByToken}, 0, ""},
		{"token in other letters", []string{"Authorization", "bearer  " + admin}, auth.Principal{Name: "root@studio", Role: auth.Admin, Method: auth.ByToken}, 0, ""},
		{"token as password", []string{"Authorization", basic(admin)}, auth.Principal{Name: "root@studio", Role: auth.Admin, Method: auth.ByToken}, 0, ""},
		{"ended", []string{"Authorization", "Bearer " + ended}, auth.Principal{}, 401, "the token of old ended at "},
		{"none", nil, auth.Principal{}, 401, "Authorization: Bearer"},
		{"unknown", []string{"Authorization", "Bearer " + viewer + "x"}, auth.Principal{}, 401, "the token is not known"},
		{"hash", []string{"Authorization", "Bearer sha256:" + strings.Repeat("0", 64)}, auth.Principal{}, 401, "the token is not known"},
		{"empty", []string{"Authorization", "Bearer "}, auth.Principal{}, 401, "neither Bearer"},
		{"digest", []string{"Authorization", "Digest username=x"}, auth.Principal{}, 401, "neither Bearer"},
		{"basic garbage", []string{"Authorization", "Basic ###"}, auth.Principal{}, 401, "neither Bearer"},
		{"two", []string{"Authorization", "Bearer " + viewer, "Authorization", "Bearer " + admin}, auth.Principal{}, 400, "several Authorization"},
		{"user in another header", []string{"X-Forwarded-User", "root@studio", "X-Remote-User", "root@studio"}, auth.Principal{}, 401, "Authorization: Bearer"},
		{"jwt", []string{"Authorization", jwt(nil)}, auth.Principal{Name: "alice", Role: auth.Operator, Method: auth.ByJWT}, 0, ""},
		{"jwt one role", []string{"Authorization", jwt(map[string]any{"realm_access": map[string]any{"roles": "admin"}})},
			auth.Principal{Name: "alice", Role: auth.Admin, Method: auth.ByJWT}, 0, ""},
		{"jwt no role", []string{"Authorization", jwt(map[string]any{"realm_access": map[string]any{"roles": []string{"cook"}}})}, auth.Principal{}, 403, "alice has no role: the claim realm_access.roles"},
		{"jwt role elsewhere", []string{"Authorization", jwt(map[string]any{"realm_access": "admin", "corecast_role": "admin"})}, auth.Principal{}, 403, "no role"},
		{"jwt nobody", []string{"Authorization", jwt(map[string]any{"realm_access": map[string]any{"roles": "nobody"}})}, auth.Principal{}, 403, "no role"},
		{"jwt without subject", []string{"Authorization", jwt(map[string]any{"sub": ""})}, auth.Principal{}, 401, "no claim sub"},
		{"jwt of another audience", []string{"Authorization", jwt(map[string]any{"aud": "tv"})}, auth.Principal{}, 401, `not for the audience "corecast"`},
		{"jwt ended", []string{"Authorization", jwt(map[string]any{"exp": 1})}, auth.Principal{}, 401, "the token ended at 1970"},
		{"jwt without signature", []string{"Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."}, auth.Principal{}, 401, "no JWT signed with one of"},
	}
	for _, tt := range tests {
		got, err := g.Admit(request(tt.headers...))
		if tt.status == 0 {
			if err != nil || got != tt.want {
				t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
			}
			continue
		}
		var no *auth.Refusal
		if !errors.As(err, &no) || no.Status != tt.status || !strings.Contains(no.Detail, tt.detail) {
			t.Errorf("%s: %+v, %v; want %d %q", tt.name, got, err, tt.status, tt.detail)
		} else if strings.Contains(no.Detail, viewer) || auth.LooksSecret(no.Detail) {
			t.Errorf("%s tells a secret: %s", tt.name, no.Detail)
		}
	}
}

func TestCertificates(t *testing.T) {
	ca := authtest.NewCA(t)
	other := authtest.NewCA(t)
	g := open(t, config.Config{TLS: ca.ServerTLS(t)}, nil)
	if !g.Asks() {
		t.Fatal("a gate with client_ca asks nobody")
	}
	for _, tt := range []struct {
		name, cn string
		ous      []string
		want     auth.Role
		detail   string
	}{
		{"operator", "ops", []string{"Media", "corecast:operator"}, auth.Operator, ""},
		{"two roles", "ops", []string{"corecast:admin", "corecast:viewer"}, auth.Admin, ""},
		{"no role", "ops", []string{"operator"}, 0, "ops has no role: its certificate needs an OU such as corecast:viewer"},
		{"typing error", "ops", []string{"corecast:root"}, 0, `OU "corecast:root": "root" is no role`},
		{"no name", "", []string{"corecast:admin"}, 0, "no common name"},
	} {
		r := request()
		r.TLS = &tls.ConnectionState{VerifiedChains: ca.Chains(t, tt.cn, tt.ous...)}
		p, err := g.Admit(r)
		if tt.detail == "" && (err != nil || p != auth.Principal{Name: tt.cn, Role: tt.want, Method: auth.ByCert}) {
			t.Errorf("%s: %+v, %v", tt.name, p, err)
		}
		if tt.detail != "" && (err == nil || !strings.Contains(err.Error(), tt.detail)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.detail)
		}
	}
	// What counts is that the handshake verified it.
	r := request()
	r.TLS = &tls.ConnectionState{PeerCertificates: other.Chains(t, "ops", "corecast:admin")[0]}
	if _, err := g.Admit(r); err == nil || !strings.Contains(err.Error(), "or with a client certificate") {
		t.Errorf("a certificate that was not verified: %v", err)
	}
}

// Files are read again: new tokens count, removed ones do not, and a file that
// cannot be used leaves those before.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	one := addToken(t, file, "one", auth.Viewer, time.Time{})
	g := open(t, config.Config{Auth: config.Auth{TokensFile: file}}, nil)
	good := func(token string) bool {
		_, err := g.Admit(request("Authorization", "Bearer "+token))
		return err == nil
	}
	two := addToken(t, file, "two", auth.Viewer, time.Time{})
	if !good(one) || good(two) {
		t.Error("before")
	}
	if err := g.Reload(); err != nil || !good(one) || !good(two) {
		t.Errorf("with another: %v", err)
	}
	if err := os.WriteFile(file, []byte("one viewer plain-text-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var wrong *config.Error
	if err := g.Reload(); !errors.As(err, &wrong) || !good(one) || !good(two) {
		t.Errorf("a file that cannot be used: %v", err)
	}
	if err := os.WriteFile(file, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Reload(); err != nil || good(one) {
		t.Errorf("emptied: %v", err)
	}
}

// Who asks too often is told so; others are not held up, nor are those with a
// good token by wrong ones from the same address.
func TestRates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	token := addToken(t, file, "one", auth.Viewer, time.Time{})
	g := open(t, config.Config{Auth: config.Auth{TokensFile: file, RequestRate: 200}}, nil)
	from := func(address, token string) int {
		r := request("Authorization", "Bearer "+token)
		r.RemoteAddr = address
		_, err := g.Admit(r)
		var no *auth.Refusal
		if errors.As(err, &no) {
			return no.Status
		}
		return 200
	}
	count := map[int]int{}
	for range 100 {
		count[from("192.0.2.1:1", "wrong")]++
	}
	if count[401] < 60 || count[429] == 0 {
		t.Errorf("wrong tokens: %v", count)
	}
	if got := from("192.0.2.1:2", token); got != 200 {
		t.Errorf("a good token from there: %d", got)
	}
	if got := from("[2001:db8::1]:1", "wrong"); got != 401 {
		t.Errorf("a wrong one from elsewhere: %d", got)
	}
	// As many addresses as one host has are one.
	count = map[int]int{}
	for i := range 3000 {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "[2001:db8:7::" + string("0123456789abcdef"[i%16]) + "]:9"
		if _, err := g.Admit(r); err != nil {
			var no *auth.Refusal
			errors.As(err, &no)
			count[no.Status]++
		}
	}
	if count[429] == 0 {
		t.Errorf("3000 requests from one /64 at 200 a second: %v", count)
	}
	if got := from("192.0.2.9:1", token); got != 200 {
		t.Errorf("another address: %d", got)
	}
}

func TestTokensFiles(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for _, tt := range []struct{ name, text, want string }{
		{"fields", "ops operator", "tokens:1: has 2 fields"},
		{"role", "ops root sha256:" + sum, `tokens:1: "root" is no role: want viewer, operator, admin`},
		{"nobody", "ops nobody sha256:" + sum, `"nobody" is no role`},
		{"name", "# one\n../x viewer sha256:" + sum, `tokens:2: "../x" is not a usable name`},
		{"plain", "ops viewer cct_abc", "tokens themselves do not belong here"},
		{"short", "ops viewer sha256:abcd", "64 hexadecimal digits"},
		{"time", "ops viewer sha256:" + sum + " tomorrow", `"tomorrow" is no time`},
		{"twice", "a viewer sha256:" + sum + "\na admin sha256:" + sum, "tokens:2: a has a token in line 1 already"},
		{"many", strings.Repeat("#\n", 600_000), "bytes; the limit"},
	} {
		file := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := auth.Open(&config.Config{Auth: config.Auth{TokensFile: file}}, auth.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte("a viewer sha256:"+sum), 0o600); err != nil {
		t.Fatal(err)
	}
	addToken(t, file, "b", auth.Viewer, time.Time{}) // the last line had no end
	if _, line, _ := auth.NewToken("b", auth.Admin, time.Time{}); auth.AppendToken(file, line) == nil {
		t.Error("a name was given to two tokens")
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Open(&config.Config{Auth: config.Auth{TokensFile: file}}, auth.Options{}); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("a file that all can write: %v", err)
	}
}

// FuzzTokensFile: whatever is in a file, reading it ends with tokens or with a
// reason.
func FuzzTokensFile(f *testing.F) {
	sum := strings.Repeat("ab", 32)
	f.Add("ops operator sha256:" + sum)
	f.Add("ops operator sha256:" + sum + " 2030-01-31T12:00:00Z # comment\n\n#\n")
	f.Add("\x00")
	f.Add(strings.Repeat("a", 100_000))
	file := filepath.Join(f.TempDir(), "tokens")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := auth.Open(&config.Config{Auth: config.Auth{TokensFile: file}}, auth.Options{})
		if err == nil {
			if _, err := g.Admit(request("Authorization", "Bearer "+sum)); err == nil {
				t.Fatal("a hash is a token")
			}
		}
	})
}

// FuzzAuthorization: no header lets in but the token.
func FuzzAuthorization(f *testing.F) {
	file := filepath.Join(f.TempDir(), "tokens")
	secret, line, err := auth.NewToken("one", auth.Viewer, time.Time{})
	if err == nil {
		err = auth.AppendToken(file, line)
	}
	if err != nil {
		f.Fatal(err)
	}
	g, err := auth.Open(&config.Config{Auth: config.Auth{TokensFile: file, RequestRate: 1 << 30}}, auth.Options{})
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range []string{"Bearer " + secret, "Basic " + "eDp5", "Bearer", "", "Basic Og==", "Bearer a.b.c", line} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, header string) {
		_, err := g.Admit(request("Authorization", header))
		if err == nil && !strings.Contains(header, secret) {
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(header[6:]))
			if !strings.Contains(string(raw), secret) {
				t.Fatalf("%q is let in", header)
			}
		}
	})
}
