package northbound

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/northbound/auth"
)

// logged is a log that tests read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newServing is a server on a socket, whose clients have less time than others
// and can take less at a time.
func newServing(t *testing.T, limits times, change func(*Server)) (s *Server, address string, log *logged) {
	t.Helper()
	open, _ := newTestServer(t)
	log = &logged{}
	open.opts.Logger = slog.New(slog.NewTextHandler(log, nil))
	s = New(open.opts)
	s.times = limits
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveUntilEnd(t, s, narrow{l})
	return s, l.Addr().String(), log
}

// serveUntilEnd serves until the test ends.
func serveUntilEnd(t *testing.T, s *Server, l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// narrow has connections that buffer little of what is sent.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// refusals is how many were counted for a reason.
func refusals(t *testing.T, s *Server, reason auth.Reason) string {
	t.Helper()
	found := regexp.MustCompile(`\ncorecast_http_refused_total\{reason="` + string(reason) + `"\} (\d+)\n`).FindStringSubmatch(scrape(t, s))
	if found == nil {
		t.Fatalf("no refusals for %s are counted", reason)
	}
	return found[1]
}

// exchange sends bytes as they are, and returns all that comes back until the
// server hangs up.
func exchange(t *testing.T, address, text string, hangUp bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text) // the server may hang up before it has read all
	if hangUp {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	all, _ := io.ReadAll(conn) // the server may hang up in the middle
	return string(all)
}

const (
	aToken  = "cct_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	someJWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.c2lnbmF0dXJl"
)

// TestBadInput: each is refused, counted by its reason, and logged without the
// secret that is in it.
func TestBadInput(t *testing.T) {
	get := func(target string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	}
	put := func(header, body string) string {
		return "PUT /api/v1/sites/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n" + header + "\r\n" + body
	}
	short := clientTimes()
	short.header, short.read = 300*time.Millisecond, 300*time.Millisecond
	for _, tt := range []struct {
		name, text string
		times      times
		status     string // empty where the connection is just ended
		reason     auth.Reason
	}{
		{"body over the limit", put(fmt.Sprintf("Content-Length: %d\r\n", maxWrite), strings.Repeat(" ", maxWrite)), clientTimes(), "413", auth.ReasonLarge},
		{"form over the limit", "POST /new/channel HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n" +
			fmt.Sprintf("Content-Length: %d\r\n\r\n", maxBodyBytes+1) + strings.Repeat("x", maxBodyBytes+1), clientTimes(), "400", auth.ReasonLarge},
		{"body in chunks", put("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), clientTimes(), "411", auth.ReasonChunked},
		{"both lengths", put("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), clientTimes(), "411", auth.ReasonChunked},
		{"broken chunks", put("Transfer-Encoding: chunked\r\n", "zz\r\n"), clientTimes(), "411", auth.ReasonChunked},
		{"body that ends early", put("Content-Length: 50\r\n", "{}"), clientTimes(), "400", auth.ReasonMalformed},
		{"two lengths", put("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), clientTimes(), "400", auth.ReasonMalformed},
		{"unknown encoding", put("Transfer-Encoding: xchunked\r\n", "{}"), clientTimes(), "501", auth.ReasonMalformed},
		{"two hosts", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", clientTimes(), "400", auth.ReasonMalformed},
		{"zero byte in a header", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", clientTimes(), "400", auth.ReasonMalformed},
		{"another protocol", "GET /metrics HTTP/9.9\r\nHost: localhost\r\n\r\n", clientTimes(), "505", auth.ReasonMalformed},
		{"endless head", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", clientTimes(), "431", auth.ReasonMalformed},
		{"slow head", "GET /metrics HTTP/1.1\r\nHost: loc", short, "", auth.ReasonSlow},
		{"slow body", put("Content-Length: 50\r\n", "{"), short, "408", auth.ReasonSlow},
		{"escaped slash", get("/api/v1/sites/a%2Fb"), clientTimes(), "400", auth.ReasonPath},
		{"dots", get("/api/v1/sites/../status"), clientTimes(), "400", auth.ReasonPath},
		{"escaped dots", get("/api/v1/sites/%2e%2e/status"), clientTimes(), "400", auth.ReasonPath},
		{"twice escaped dots", get("/api/v1/sites/%252e%252e/status"), clientTimes(), "400", auth.ReasonPath},
		{"two slashes", get("//metrics"), clientTimes(), "400", auth.ReasonPath},
		{"backslash", get("/api\\v1"), clientTimes(), "400", auth.ReasonPath},
		{"zero byte", get("/api/v1/sites/%00"), clientTimes(), "400", auth.ReasonPath},
		{"other letters", get("/api/v1/sites/%C3%A9"), clientTimes(), "400", auth.ReasonPath},
		{"no letters", get("/api/v1/sites/%ff%fe"), clientTimes(), "400", auth.ReasonPath},
		{"very long", get("/api/v1/sites/" + strings.Repeat("x", 5000)), clientTimes(), "400", auth.ReasonPath},
		{"two queries", get("/api/v1/sites?limit=1;limit=2"), clientTimes(), "400", auth.ReasonPath},
		{"token in the query", get("/api/v1/sites?access_token=" + aToken), clientTimes(), "400", auth.ReasonURL},
		{"token by another name", get("/api/v1/sites?cursor=" + aToken), clientTimes(), "400", auth.ReasonURL},
		{"token in half a query", get("/api/v1/sites?a;b=" + aToken), clientTimes(), "400", auth.ReasonURL},
		{"token in disguise", get("/api/v1/sites?a=cct%5F" + aToken[4:]), clientTimes(), "400", auth.ReasonURL},
		{"token in the path", get("/api/v1/sites/" + aToken), clientTimes(), "400", auth.ReasonURL},
		{"JWT in the query", get("/api/v1/sites?limit=" + someJWT), clientTimes(), "400", auth.ReasonURL},
		{"another host", "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", clientTimes(), "421", auth.ReasonHost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, address, log := newServing(t, tt.times, nil)
			got := exchange(t, address, tt.text, tt.times == clientTimes())
			status, _, _ := strings.Cut(strings.TrimPrefix(got, "HTTP/1.1 "), " ")
			if status != tt.status || strings.Count(got, "HTTP/1.1 ") > 1 {
				t.Errorf("%.500q, want %s", got, tt.status)
			}
			eventually(t, "it is counted", func() bool { return refusals(t, s, tt.reason) == "1" })
			eventually(t, "it is logged", func() bool { return strings.Contains(log.String(), "reason="+string(tt.reason)+" ") })
			for _, secret := range []string{aToken, aToken[4:], someJWT} {
				if strings.Contains(log.String()+got, secret) {
					t.Errorf("a token is told: %s\n%s", got, log)
				}
			}
		})
	}
}

// TestGoodInputIsNotCounted: requests one after the other on a connection, and a
// client that goes away, are nobody's fault.
func TestGoodInputIsNotCounted(t *testing.T) {
	s, address, _ := newServing(t, clientTimes(), nil)
	one := "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
	if got := exchange(t, address, one+one+one, true); strings.Count(got, "HTTP/1.1 200 OK") != 3 {
		t.Errorf("%q", got)
	}
	exchange(t, address, "GET /healthz HT", true)
	exchange(t, address, "", true)
	for range 3 {
		exchange(t, address, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", true)
	}
	// One that is none, after a good one, so that there is something to wait for.
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	for _, text := range []string{one, strings.Replace(one, "\r\n\r\n", "\r\nHost: localhost\r\n\r\n", 1)} {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 4<<10)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "one is counted", func() bool { return refusals(t, s, auth.ReasonMalformed) != "0" })
	for _, reason := range auth.Reasons() {
		if n := refusals(t, s, reason); n != "0" && (reason != auth.ReasonMalformed || n != "1") {
			t.Errorf("%s: %s", reason, n)
		}
	}
}

// TestHandshakesAreCounted: who does not get as far as a request.
func TestHandshakesAreCounted(t *testing.T) {
	s := newSecured(t)
	if _, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: s.ca.Pool(), MaxVersion: tls.VersionTLS12}); err == nil {
		t.Fatal("TLS 1.2 is served")
	}
	exchange(t, s.address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", false)
	text := ""
	eventually(t, "both are counted", func() bool {
		_, text = s.ask(t, s.client(t, ""), "GET", "/metrics", "Authorization", "Bearer "+s.tokens[auth.Viewer])
		return strings.Contains(text, "\ncorecast_http_refused_total{reason=\"tls\"} 2\n")
	})
	if !strings.Contains(text, "\ncorecast_http_refused_total{reason=\"malformed\"} 0\n") {
		t.Errorf("%s", text)
	}
}

// floodLog always has more events.
type floodLog struct{ Events }

func (f floodLog) Read(after eventlog.ID, limit int) ([]eventlog.Entry, bool, <-chan struct{}) {
	return []eventlog.Entry{{ID: eventlog.ID{Revision: after.Revision + 1}, Event: eventlog.Event{Kind: "changed", Text: strings.Repeat("x", 1000)}}}, false, nil
}

// TestSlowReaders: who does not read is hung up on, whatever they asked for.
func TestSlowReaders(t *testing.T) {
	limits := clientTimes()
	limits.write, limits.follow = 200*time.Millisecond, 200*time.Millisecond
	for _, tt := range []struct{ path, left string }{
		{"/openapi.json", "0"}, {"/api/v1/events", "1"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			s, address, log := newServing(t, limits, func(s *Server) { s.opts.Events = floodLog{s.opts.Events} })
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			if _, err := io.WriteString(conn, strings.Repeat("GET "+tt.path+" HTTP/1.1\r\nHost: localhost\r\n\r\n", 20)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is counted", func() bool { return refusals(t, s, auth.ReasonSlow) == "1" })
			eventually(t, "it is logged", func() bool { return strings.Contains(log.String(), "it did not read the answer to GET "+tt.path) })
			if text := scrape(t, s); !strings.Contains(text, "\ncorecast_events_left_total{reason=\"slow\"} "+tt.left+"\n") || !strings.Contains(text, "\ncorecast_events_followers 0\n") {
				t.Errorf("%s", text)
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the connection stays: %v", err)
			}
		})
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
