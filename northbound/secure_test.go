package northbound

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
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
)

// secured is a server that asks who is there, over TLS on a real socket.
type secured struct {
	*Server
	url, address string
	tokensFile   string
	ca           *authtest.CA
	tokens       map[auth.Role]string
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{ca: authtest.NewCA(t), tokens: map[auth.Role]string{}}
	file := filepath.Join(t.TempDir(), "tokens")
	for _, role := range auth.Roles() {
		secret, line, err := auth.NewToken(role.String(), role, time.Time{})
		if err == nil {
			err = auth.AppendToken(file, line)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.tokens[role] = secret
	}
	gate, err := auth.Open(&config.Config{TLS: s.ca.ServerTLS(t), Auth: config.Auth{TokensFile: file}}, auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	open, _ := newTestServer(t)
	open.opts.Gate = gate
	s.Server, s.tokensFile = New(open.opts), file
	s.times.beat = 50 * time.Millisecond
	l, err := Listen("127.0.0.1:0", gate)
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	s.url = "https://" + s.address
	serveUntilEnd(t, s.Server, l)
	return s
}

// client has a certificate of name and ous, if name is not empty.
func (s *secured) client(t *testing.T, name string, ous ...string) *http.Client {
	t.Helper()
	cfg := &tls.Config{RootCAs: s.ca.Pool()}
	if name != "" {
		pair, err := tls.LoadX509KeyPair(s.ca.Client(t, name, ous...))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	tr := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

func (s *secured) ask(t *testing.T, c *http.Client, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestWhoMayDoWhat(t *testing.T) {
	s := newSecured(t)
	plain := s.client(t, "")
	for _, tt := range []struct {
		name         string
		client       *http.Client
		method, path string
		header       []string
		status       int
	}{
		{"nobody", plain, "GET", "/api/v1/sites", nil, 401},
		{"nobody reads metrics", plain, "GET", "/metrics", nil, 401},
		{"nobody reads the document", plain, "GET", "/openapi.json", nil, 401},
		{"nobody looks around", plain, "GET", "/nothing", nil, 401},
		{"health", plain, "GET", "/healthz", nil, 200},
		{"readiness", plain, "GET", "/readyz", nil, 200},
		{"health is no way in", plain, "POST", "/healthz", nil, 401},
		{"health is no way around", plain, "GET", "/healthz/../metrics", nil, 400},
		{"viewer", plain, "GET", "/api/v1/sites", []string{"Authorization", "Bearer " + s.tokens[auth.Viewer]}, 200},
		{"viewer reads metrics", plain, "GET", "/metrics", []string{"Authorization", "Bearer " + s.tokens[auth.Viewer]}, 200},
		{"viewer writes", plain, "POST", "/api/v1/sites", []string{"Authorization", "Bearer " + s.tokens[auth.Viewer]}, 403},
		{"viewer writes as another method", plain, "GET", "/api/v1/sites", []string{"Authorization", "Bearer " + s.tokens[auth.Viewer], "X-HTTP-Method-Override", "DELETE"}, 200},
		{"certificate", s.client(t, "ops", "corecast:viewer"), "GET", "/api/v1/sites", nil, 200},
		{"operator makes a backup", plain, "GET", "/api/v1/backup", []string{"Authorization", "Bearer " + s.tokens[auth.Operator]}, 403},
		{"admin makes a backup, without a store", plain, "GET", "/api/v1/backup", []string{"Authorization", "Bearer " + s.tokens[auth.Admin]}, 409},
		{"certificate without role", s.client(t, "ops"), "GET", "/api/v1/sites", nil, 403},
		{"certificate, but a wrong token", s.client(t, "ops", "corecast:admin"), "GET", "/api/v1/sites", []string{"Authorization", "Bearer x"}, 401},
		{"a token in the URL", plain, "GET", "/api/v1/sites?access_token=" + s.tokens[auth.Admin], nil, 400},
		{"a token as another parameter", plain, "GET", "/api/v1/mappings?site=" + s.tokens[auth.Admin], []string{"Authorization", "Bearer " + s.tokens[auth.Viewer]}, 400},
		{"another Host", plain, "GET", "/api/v1/sites", []string{"Authorization", "Bearer " + s.tokens[auth.Viewer], "X-Forwarded-Host", "evil.example"}, 200},
	} {
		resp, body := s.ask(t, tt.client, tt.method, tt.path, tt.header...)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d\n%s", tt.name, resp.Status, tt.status, body)
		}
		if (tt.status == 401) != (resp.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate %q", tt.name, resp.Header.Get("WWW-Authenticate"))
		}
		for _, token := range s.tokens {
			if strings.Contains(body, token) {
				t.Errorf("%s: the answer tells a token", tt.name)
			}
		}
		if resp.ProtoMajor != 2 || resp.TLS.Version < tls.VersionTLS13 {
			t.Errorf("%s: %s over TLS %x", tt.name, resp.Proto, resp.TLS.Version)
		}
	}
	// A browser is told how it can ask.
	resp, _ := s.ask(t, plain, "GET", "/", "Accept", "text/html")
	if got := resp.Header.Values("WWW-Authenticate"); len(got) != 2 || !strings.HasPrefix(got[1], "Basic ") {
		t.Errorf("a browser is asked for %q", got)
	}
}

// TestHeaders: a browser keeps to itself what it is served.
func TestHeaders(t *testing.T) {
	s := newSecured(t)
	for _, path := range []string{"/healthz", "/api/v1/sites", "/nothing"} {
		resp, _ := s.ask(t, s.client(t, ""), "GET", path, "Authorization", "Bearer "+s.tokens[auth.Viewer], "Origin", "https://evil.example")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no Content-Security-Policy", path)
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s lets pages of others read", path, name)
			}
		}
	}
}

// TestOtherOrigins: what a page of elsewhere has a browser write is refused, on
// loopback too.
func TestOtherOrigins(t *testing.T) {
	s, _ := newTestServer(t)
	for _, tt := range []struct {
		name, method string
		header       []string
		refused      bool
	}{
		{"a program", "POST", nil, false},
		{"our page", "POST", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8080"}, false},
		{"our page in an old browser", "POST", []string{"Origin", "http://127.0.0.1:8080"}, false},
		{"another page", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true},
		{"another page in an old browser", "DELETE", []string{"Origin", "https://evil.example"}, true},
		{"another port", "PUT", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:9999"}, true},
		{"a sandbox", "POST", []string{"Origin", "null"}, true},
		{"a preflight", "OPTIONS", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT"}, false},
	} {
		r := httptest.NewRequest(tt.method, "http://127.0.0.1:8080/api/v1/status", nil)
		for i := 0; i < len(tt.header); i += 2 {
			r.Header.Set(tt.header[i], tt.header[i+1])
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if (w.Code == 403) != tt.refused || w.Code < 400 {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// raw sends bytes as they are over TLS, and returns all that comes back.
func (s *secured) raw(t *testing.T, text string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: s.ca.Pool(), NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, text) // the server may hang up before it has read all
	_ = conn.CloseWrite()
	var all strings.Builder
	_, _ = io.Copy(&all, bufio.NewReader(conn)) // the server may hang up in the middle
	return all.String()
}

// TestSmuggling: what proxies may read otherwise than we do is refused, or is
// one request of somebody without a role.
func TestSmuggling(t *testing.T) {
	s := newSecured(t)
	smuggled := "GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.tokens[auth.Admin] + "\r\n\r\n"
	length := fmt.Sprint(len(smuggled))
	for name, text := range map[string]string{
		"both lengths":         "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":          "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: " + length + "\r\n\r\n" + smuggled,
		"unknown encoding":     "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"encoding twice":       "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"space before colon":   "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length : " + length + "\r\n\r\n" + smuggled,
		"negative length":      "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + smuggled,
		"plus length":          "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: +" + length + "\r\n\r\n" + smuggled,
		"bad chunk":            "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled,
		"two hosts":            "GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"no host":              "GET /metrics HTTP/1.1\r\n\r\n",
		"line in a header":     "GET /metrics HTTP/1.1\r\nHost: x\r\nX: a\r\r\nAuthorization: x\r\n\r\n",
		"zero byte":            "GET /metrics HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
		"another protocol":     "GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
		"upgrade to h2c":       "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
		"connect":              "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
		"as to a proxy":        "GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"dots":                 "GET /healthz/../metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"hidden dots":          "GET /healthz/%2e%2e/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"twice hidden dots":    "GET /healthz/%252e%252e/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"backslash":            "GET /healthz\\..\\metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"two slashes":          "GET //metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"a parameter":          "GET /healthz;/../metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"other letters":        "GET /METRICS HTTP/1.1\r\nHost: x\r\n\r\n",
		"no path":              "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
		"health with a suffix": "GET /healthz/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"health encoded":       "GET /%68ealthz%2f..%2fmetrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"beyond a limit":       "PUT /api/v1/sites/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.tokens[auth.Operator] + "\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n" + strings.Repeat(" ", 800_000) + strings.Repeat(smuggled, 3_200_000/len(smuggled)),
	} {
		got := s.raw(t, text)
		if got == "" && len(text) > maxBodyBytes {
			continue // the answer was lost as the server hung up
		}
		status, _, _ := strings.Cut(strings.TrimPrefix(got, "HTTP/1.1 "), " ")
		if strings.HasPrefix(got, "HTTP/1.0") || len(status) != 3 || status[0] != '4' && status != "501" && status != "505" {
			t.Errorf("%s: %.200q", name, got)
		}
		if n := strings.Count(got, "HTTP/1.1 "); n > 1 {
			t.Errorf("%s: %d answers: %.300q", name, n, got)
		}
		if strings.Contains(got, "corecast_build_info") {
			t.Errorf("%s: lets metrics out", name)
		}
	}
}

// TestTLS: nothing before 1.3, and new certificates when they are read again.
func TestTLS(t *testing.T) {
	s := newSecured(t)
	dial := func(max uint16) (serial string, err error) {
		conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: s.ca.Pool(), MaxVersion: max})
		if err != nil {
			return "", err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
	}
	if _, err := dial(tls.VersionTLS12); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.2: %v", err)
	}
	before, err := dial(tls.VersionTLS13)
	if err != nil {
		t.Fatal(err)
	}
	files := s.ca.ServerTLS(t)
	if err := s.gate.Reload(); err != nil {
		t.Fatal(err)
	}
	after, err := dial(tls.VersionTLS13)
	if err != nil || after == before {
		t.Errorf("certificate %s after %s: %v", after, before, err)
	}
	if err := os.WriteFile(files.Cert, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Reload(); err == nil || !strings.Contains(err.Error(), "tls.cert") {
		t.Errorf("a file that is no certificate: %v", err)
	}
	if still, err := dial(tls.VersionTLS13); err != nil || still != after {
		t.Errorf("certificate %s after %s: %v", still, after, err)
	}
	if err := os.Chmod(files.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Reload(); err == nil || !strings.Contains(err.Error(), "chmod o=") {
		t.Errorf("a key that everybody can read: %v", err)
	}
	// Who speaks HTTP to it is told.
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(string(answer), "HTTP/1.0 400") {
		t.Errorf("HTTP to HTTPS: %q, %v", answer, err)
	}
}
