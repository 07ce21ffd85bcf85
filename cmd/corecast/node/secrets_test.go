package node

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/northbound/auth"
)

// kept is text that several write.
type kept struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (k *kept) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(b)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// secretive is a node that is given secrets in all ways, and all that it says.
type secretive struct {
	t      *testing.T
	url    string
	token  string
	paths  []string // of the document, without parameters
	log    kept     // also at the level of debugging
	hooked kept     // what the webhook was told
	hidden []string
}

const hookSecret, fileSecret = "the-secret-of-the-webhook", "the-secret-of-the-file"

func newSecretive(t *testing.T) *secretive {
	s := &secretive{t: t, hidden: []string{hookSecret, fileSecret}}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&s.hooked, r.Body) }))
	t.Cleanup(hook.Close)
	dir := t.TempDir()
	file := filepath.Join(dir, "tokens")
	token, line, err := auth.NewToken("ops", auth.Operator, time.Time{})
	if err == nil {
		err = auth.AppendToken(file, line)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.token, s.hidden = token, append(s.hidden, token)
	n, _ := startWith(t, decode(t, fmt.Sprintf(`
store: "file:%s/corecast.db"
auth: { tokens_file: "%s", request_rate: 1000000 }
webhooks: [ { name: pager, url: "%s", secret: %q } ]
sites: [ { name: fixed, eid_prefixes: [10.9.0.0/16], auth_keys: [ { id: 1, algorithm: hmac-sha256-128, secret: %q } ] } ]
`, dir, file, hook.URL, hookSecret, fileSecret)), Options{Version: "test", Logger: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	s.url = n.URL()
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(s.ask("GET", "/openapi.json", "")), &doc); err != nil {
		t.Fatal(err)
	}
	s.paths = []string{"/", "/sites", "/sites/made", "/sites/fixed", "/edit/site/made", "/delete/site/made", "/new/site", "/switches", "/channels", "/events", "/mappings", "/metrics", "/healthz", "/readyz", "/openapi.json"}
	for path, methods := range doc.Paths {
		if methods["get"] == nil || path == "/api/v1/backup" {
			continue // a backup holds them all, and is for the role admin
		}
		if prefix, found := strings.CutSuffix(path, "sites/{name}"); found {
			s.paths = append(s.paths, prefix+"sites/fixed")
		}
		s.paths = append(s.paths, strings.Replace(path, "{name}", "made", 1))
	}
	slices.Sort(s.paths)
	if len(s.paths) < 25 {
		t.Fatalf("only %q", s.paths)
	}
	return s
}

// ask sends a request, and returns all of the answer: its head too.
func (s *secretive) ask(method, path, body string, header ...string) string {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept", "application/json") // of events a list
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 {
		s.t.Fatalf("%s %s: %s, %v", method, path, resp.Status, err)
	}
	if path == "/openapi.json" {
		return string(text)
	}
	return fmt.Sprint(resp.Header, string(text))
}

// told reports the first secret that is in a text, plain or encoded.
func (s *secretive) told(text string) string {
	for _, secret := range s.hidden {
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{secret, strings.Trim(string(quoted), `"`), hex.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(text, form) {
				return secret
			}
		}
	}
	return ""
}

// TestSecretsAreNotTold: whatever secret is given to a controller in its file or
// over REST, in a request that succeeds or one that does not, is in no answer, event,
// webhook, log or metric, nor on a page.
func TestSecretsAreNotTold(t *testing.T) {
	s := newSecretive(t)
	written := 0
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.StringMatching(`s3cr3t-[A-Za-z0-9!"#$%&+/=?\\<>-]{6,30}`).Draw(rt, "secret")
		s.hidden = append(s.hidden, secret)
		quoted, _ := json.Marshal(secret)
		key := fmt.Sprintf(`{"id":1,"algorithm":"hmac-sha256-128","secret":%s}`, quoted)
		body := fmt.Sprintf(`{"eid_prefixes":["10.5.0.0/16"],"rlocs":[{"address":"192.0.2.%d"}],"auth_keys":[%s]}`, 1+written%200, key)
		for _, r := range []struct{ method, path, body string }{
			{"PUT", "/api/v1/sites/made?dry_run=true", body},
			{"PUT", "/api/v1/sites/made", body},
			{"PATCH", "/api/v1/sites/made", fmt.Sprintf(`{"auth_keys":[%s]}`, strings.Replace(key, `"id":1`, `"id":2`, 1))},
			{"PUT", "/api/v1/sites/wrong", strings.Replace(body, "sha256", "sha", 1)},
			{"PUT", "/api/v1/sites/wrong", fmt.Sprintf(`{"eid_prefixes":["10.6.0.0/16"],"auth_keys":[{"id":1,"secret":%s,"secert":%[1]s}]}`, quoted)},
			{"PUT", "/api/v1/sites/wrong", fmt.Sprintf(`{"eid_prefixes":["10.6.0.0/16"],"secret":%s,"password":%[1]s}`, quoted)},
			{"PUT", "/api/v1/sites/wrong", fmt.Sprintf(`{"auth_keys":%s}`, quoted)},
			{"PUT", "/api/v1/sites/wrong", fmt.Sprintf(`{"auth_keys":[%s]}`, quoted)},
			{"PUT", "/api/v1/sites/wrong", fmt.Sprintf(`{"auth_keys":{"secret":%s}}`, quoted)},
			{"PATCH", "/api/v1/sites/made", fmt.Sprintf(`{"auth_keys":[{"secret":[%s]}]}`, quoted)},
			{"PUT", "/api/v1/sites/wrong", body[:len(body)-3]},
			{"PUT", "/api/v1/sites/fixed", body},
		} {
			if text := s.ask(r.method, r.path, r.body); s.told(text) != "" {
				rt.Fatalf("%s %s tells %q: %s", r.method, r.path, s.told(text), text)
			}
		}
		written++
		path := rapid.SampledFrom(s.paths).Draw(rt, "path")
		if text := s.ask("GET", path, ""); s.told(text) != "" {
			rt.Fatalf("GET %s tells %q: %s", path, s.told(text), text)
		}
	})
	for _, path := range s.paths {
		if text := s.ask("GET", path, "", "Accept", "application/json, text/html"); s.told(text) != "" {
			t.Errorf("GET %s tells %q: %s", path, s.told(text), text)
		}
	}
	s.ask("GET", "/api/v1/sites?token="+s.token, "") // refused, and logged
	s.ask("GET", "/api/v1/sites", "", "Authorization", "Bearer "+s.token+"x")
	for deadline := time.Now().Add(patience); !strings.Contains(s.hooked.String(), `"made"`) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for what, text := range map[string]string{"the log": s.log.String(), "the webhook": s.hooked.String()} {
		if secret := s.told(text); secret != "" || len(text) < 100 {
			t.Errorf("%s tells %q: %s", what, secret, text)
		}
	}
}
