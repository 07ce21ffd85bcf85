package viewerapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/source/viewerapi/auth"
	"github.com/corecast/corecast/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must happen on a busy machine.
const patience = 30 * time.Second

// api is a running server with one channel, "news".
type api struct {
	t      testing.TB
	server *viewerapi.Server
	list   *dstlist.List
	url    string
	client *http.Client
}

func start(t testing.TB, opts viewerapi.Options) *api {
	t.Helper()
	a := &api{t: t, list: dstlist.New(dstlist.Options{KeepExpired: true, ListSize: 32})}
	server, err := viewerapi.New(opts, viewerapi.Channel{Name: "news", Title: "The News", Viewers: a.list,
		Source: netip.MustParseAddrPort("127.0.0.9:7000")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()
	web := httptest.NewServer(server.Handler())
	a.server, a.url, a.client = server, web.URL, web.Client()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return a
}

// ask makes a request and returns the status and the answer.
func (a *api) ask(method, path, body string, headers ...string) (int, map[string]any) {
	a.t.Helper()
	r, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	var v map[string]any
	_ = json.NewDecoder(reply.Body).Decode(&v)
	if reply.StatusCode >= 400 && (reply.Header.Get("Content-Type") != "application/problem+json" || v["title"] == nil || v["detail"] == nil) {
		a.t.Errorf("%s %s: %d without a problem: %v", method, path, reply.StatusCode, v)
	}
	return reply.StatusCode, v
}

// served returns the viewers that a round names.
func (a *api) served() []netip.AddrPort {
	a.t.Helper()
	var all []netip.AddrPort
	b := dstlist.NewBatch(0, 64)
	a.list.Begin(time.Now())
	defer a.list.End()
	for more := true; more; {
		var err error
		b.Reset(64)
		if more, err = a.list.Next(time.Now(), wire.Identify(1, []byte("media")), b); err != nil {
			a.t.Fatal(err)
		}
		for _, p := range b.Packets() {
			var h wire.Header4
			if err := h.Decode(p); err != nil {
				a.t.Fatal(err)
			}
			for v := range h.Viewers() {
				all = append(all, v)
			}
		}
	}
	return all
}

const viewers = "/v1/channels/news/viewers"

// The client's word on its domain decides how it is served, and the status
// counts who is served how.
func TestWord(t *testing.T) {
	a := start(t, viewerapi.Options{Locate: func(channel string, v dstlist.Viewer) dstlist.Delivery {
		if channel != "news" {
			t.Errorf("asked about channel %q", channel)
		}
		return v.Word.Apply(dstlist.Delivery{RLOC: netip.MustParseAddr("192.0.2.1"), Unicast: v.Port == 4})
	}})
	for _, body := range []string{`{"port": 1}`, `{"port": 2, "corecast": "true"}`, `{"port": 3, "corecast": "false"}`, `{"port": 4, "corecast": "auto"}`} {
		if status, v := a.ask("POST", viewers, body); status != 201 {
			t.Fatal(status, v)
		}
	}
	if got := a.served(); len(got) != 2 || got[0].Port() != 1 || got[1].Port() != 2 {
		t.Errorf("headers name %v", got)
	}
	_, v := a.ask("GET", "/v1/status", "")
	delivery, _ := v["delivery"].(map[string]any)
	news, _ := delivery["news"].(map[string]any)
	if news["corecast"] != 2.0 || news["unicast"] != 2.0 || news["unresolved"] != 0.0 {
		t.Errorf("%v", v)
	}
}

func TestJoinRenewLeave(t *testing.T) {
	a := start(t, viewerapi.Options{})
	status, lease := a.ask("POST", viewers, `{"port": 5004}`)
	id, _ := lease["id"].(string)
	ttl, _ := lease["ttl"].(float64)
	renewAfter, _ := lease["renew_after"].(float64)
	if status != 201 || id == "" || lease["eid"] != "127.0.0.1" || lease["port"] != 5004.0 || lease["source"] != "127.0.0.9:7000" ||
		ttl > 90 || ttl < 80 || renewAfter < 0.4*ttl-1 || renewAfter > 0.6*ttl+1 {
		t.Fatal(status, lease)
	}
	if got := a.served(); len(got) != 1 || got[0] != netip.MustParseAddrPort("127.0.0.1:5004") {
		t.Fatal(got)
	}
	for range 2 {
		if status, again := a.ask("PUT", viewers+"/"+id, ""); status != 200 || again["id"] != id {
			t.Fatal(status, again)
		}
	}
	if status, again := a.ask("GET", viewers+"/"+id, ""); status != 200 || again["id"] != id {
		t.Fatal(status, again)
	}
	// Joining again gives a new lease, and one viewer.
	status, second := a.ask("POST", viewers, `{"port": 5004, "corecast": "auto"}`)
	if status != 201 || second["id"] == id || len(a.served()) != 1 {
		t.Fatal(status, second)
	}
	if status, _ := a.ask("PUT", viewers+"/"+id, ""); status != 404 {
		t.Error("the old lease lives on: ", status)
	}
	newID := second["id"].(string)
	if status, _ := a.ask("DELETE", viewers+"/"+newID, ""); status != 204 || len(a.served()) != 0 {
		t.Fatal(status, a.served())
	}
	for _, method := range []string{"PUT", "DELETE", "GET"} {
		if status, _ := a.ask(method, viewers+"/"+newID, ""); status != 404 {
			t.Error(method, status)
		}
	}
}

func TestRefused(t *testing.T) {
	a := start(t, viewerapi.Options{})
	_, lease := a.ask("POST", viewers, `{"port": 1}`)
	id := lease["id"].(string)
	forged := []byte(id)
	forged[3] ^= 1
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/channels/none/viewers", `{"port": 1}`, 404},
		{"POST", viewers, `{}`, 422},
		{"POST", viewers, `{"port": 70000}`, 400},
		{"POST", viewers, `{"port": 1, "colour": "red"}`, 400},
		{"POST", viewers, `{"port": 1} {}`, 400},
		{"POST", viewers, `not JSON`, 400},
		{"POST", viewers, `{"port": 1, "eid": "nowhere"}`, 422},
		{"POST", viewers, `{"port": 1, "eid": "2001:db8::1"}`, 422},
		{"POST", viewers, `{"port": 1, "eid": "224.0.0.1"}`, 422},
		{"POST", viewers, `{"port": 1, "eid": "255.255.255.255"}`, 422},
		{"POST", viewers, `{"port": 1, "eid": "0.0.0.0"}`, 422},
		{"POST", viewers, `{"port": 1, "corecast": "maybe"}`, 422},
		{"POST", viewers, `{"port": 1, "eid": "127.0.0.2"}`, 403}, // there is no prover
		{"POST", viewers, `{"port": ` + strings.Repeat(" ", 1<<20) + `1}`, 413},
		{"PUT", viewers + "/" + string(forged), "", 404},
		{"DELETE", viewers + "/" + string(forged), "", 404},
		{"DELETE", viewers + "/" + strings.Repeat("A", 27), "", 404},
		{"PUT", viewers + "/x", "", 404},
		{"GET", "/v1/channels/none", "", 404},
		{"GET", "/v1/channels/none.m3u", "", 404},
		{"GET", "/v1/channels/news.m3u?port=x", "", 400},
		{"GET", "/v2", "", 404},
	} {
		if status, v := a.ask(c.method, c.path, c.body); status != c.want {
			t.Errorf("%s %s %.60s: %d %v, want %d", c.method, c.path, c.body, status, v, c.want)
		}
	}
	if n := a.list.Len(); n != 1 {
		t.Errorf("%d viewers", n)
	}
}

// A lease that is not renewed ends, and its place is free again.
func TestLeaseEnds(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second // far more than a busy machine is late
	a := start(t, viewerapi.Options{Limits: viewerapi.Limits{TTL: ttl, PerAddress: 1}})
	_, lease := a.ask("POST", viewers, `{"port": 1}`)
	if status, _ := a.ask("POST", viewers, `{"port": 2}`); status != 429 {
		t.Errorf("a second lease: %d", status)
	}
	for range 3 { // renewed, it lives on
		time.Sleep(ttl * 2 / 5)
		if status, _ := a.ask("PUT", viewers+"/"+lease["id"].(string), ""); status != 200 {
			t.Fatal(status)
		}
	}
	deadline := time.Now().Add(ttl)
	for a.list.Len() > 0 && time.Now().Before(deadline.Add(patience)) {
		late := time.Now().After(deadline)
		if got := a.served(); late && len(got) > 0 {
			t.Fatalf("%v is served after its lease", got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for deadline = time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if status, _ := a.ask("POST", viewers, `{"port": 2}`); status == 201 {
			return // the server has noticed
		}
	}
	t.Error("the place is not free again")
}

// gate is an Authorizer that says what the test wants.
type gate struct {
	mu    sync.Mutex
	grant auth.Grant
	err   error
	asked auth.Request
}

func (g *gate) Authorize(_ context.Context, r *auth.Request) (auth.Grant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = *r
	return g.grant, g.err
}

func (g *gate) set(grant auth.Grant, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.grant, g.err = grant, err
}

// A lease never outlives the permission, is cut when that ends, and lives on
// with a new one.
func TestPermissionEnds(t *testing.T) {
	t.Parallel()
	const permission = 1500 * time.Millisecond // far more than a busy machine is late
	g := new(gate)
	until := time.Now().Add(permission).Round(0)
	g.set(auth.Grant{Subject: "alice", Until: until}, nil)
	a := start(t, viewerapi.Options{Auth: g})
	status, lease := a.ask("POST", viewers+"?token=secret&x=y", `{"port": 5}`)
	path := viewers + "/" + lease["id"].(string)
	if expires, _ := time.Parse(time.RFC3339, lease["expires"].(string)); status != 201 || expires.After(until) {
		t.Fatal(status, lease)
	}
	if g.asked.Token != "secret" || g.asked.Query != "x=y" || g.asked.Renew || g.asked.Viewer.String() != "127.0.0.1:5" {
		t.Errorf("%+v", g.asked)
	}
	if _, again := a.ask("PUT", path, ""); again["ttl"].(float64) > permission.Seconds() {
		t.Errorf("renewed beyond the permission: %v", again)
	}
	if _, all := a.ask("POST", "/v1/channels/news/renewals", fmt.Sprintf(`{"ids": [%q]}`, lease["id"])); all["renewed"] != 1.0 {
		t.Errorf("%v", all)
	}
	// A new permission, before the old one ends.
	later := until.Add(permission)
	g.set(auth.Grant{Subject: "alice", Until: later}, nil)
	if status, again := a.ask("PUT", path, "", "Authorization", "Bearer other"); status != 200 || again["ttl"].(float64) < 0.9*permission.Seconds() || !g.asked.Renew {
		t.Fatal(status, again)
	}
	for a.list.Len() > 0 && time.Now().Before(later.Add(patience)) {
		late := time.Now().After(later)
		if got := a.served(); late && len(got) > 0 {
			t.Fatalf("%v is served after its permission", got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if a.list.Len() != 0 || time.Now().Before(later.Add(-2*dstlist.Tick)) {
		t.Errorf("%d viewers, %v before the end", a.list.Len(), time.Until(later))
	}
	g.set(auth.Grant{Until: time.Now()}, nil)
	if status, _ := a.ask("POST", viewers, `{"port": 5}`); status != 401 {
		t.Errorf("a permission that has ended: %d", status)
	}
}

// What the authorizer says is what the client gets; leases that are there are
// not disturbed by one that fails.
func TestAuthorizerSays(t *testing.T) {
	g := new(gate)
	a := start(t, viewerapi.Options{Auth: g})
	_, lease := a.ask("POST", viewers, `{"port": 5}`)
	for err, want := range map[error]int{
		auth.ErrCredentials: 401, auth.ErrForbidden: 403, auth.ErrUnavailable: 503, errors.New("oops"): 500,
	} {
		g.set(auth.Grant{}, err)
		if status, _ := a.ask("POST", viewers, `{"port": 6}`, "Authorization", "Bearer x"); status != want {
			t.Errorf("%v: %d, want %d", err, status, want)
		}
		if status, _ := a.ask("PUT", viewers+"/"+lease["id"].(string), ""); status != 200 {
			t.Errorf("%v: a renewal is refused: %d", err, status)
		}
	}
	if a.list.Len() != 1 {
		t.Errorf("%d viewers", a.list.Len())
	}
}

// prover opens a prover on the loopback interface.
func prover(t *testing.T) *viewerapi.Prover {
	t.Helper()
	p, err := viewerapi.NewProver("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// other is a socket on an address that is not the client's.
func other(t *testing.T) (*net.UDPConn, uint16) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("no 127.0.0.2 on this machine: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, uint16(conn.LocalAddr().(*net.UDPAddr).Port)
}

// An address that sends back the nonce is served.
func TestProof(t *testing.T) {
	a := start(t, viewerapi.Options{Prover: prover(t)})
	conn, port := other(t)
	go func() {
		buf := make([]byte, 100)
		for first := true; ; first = false {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil || !viewerapi.IsProof(buf[:n]) {
				return
			}
			if !first { // the first one is lost
				_, _ = conn.WriteToUDP(buf[:n], from)
			}
		}
	}()
	status, lease := a.ask("POST", viewers, fmt.Sprintf(`{"eid": "127.0.0.2", "port": %d}`, port))
	if status != 201 || lease["eid"] != "127.0.0.2" || len(a.served()) != 1 {
		t.Fatal(status, lease)
	}
}

// One that does not, or another in its place, never receives a byte of media.
func TestNoProof(t *testing.T) {
	t.Parallel()
	p := prover(t)
	a := start(t, viewerapi.Options{Prover: p, Limits: viewerapi.Limits{PerPending: 2}})
	victim, port := other(t)
	body := fmt.Sprintf(`{"eid": "127.0.0.2", "port": %d}`, port)
	attacker, err := net.DialUDP("udp4", nil, p.Addr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = attacker.Close() }()
	received := make(chan [][]byte)
	go func() { // the attacker even knows the nonce, and cannot send it from there
		var all [][]byte
		buf := make([]byte, 2000)
		for {
			n, err := victim.Read(buf)
			if err != nil {
				received <- all
				return
			}
			all = append(all, bytes.Clone(buf[:n]))
			_, _ = attacker.Write(buf[:n])
			_, _ = attacker.Write([]byte("garbage"))
		}
	}()
	var joins sync.WaitGroup
	statuses := make(chan int, 6)
	for range 6 {
		joins.Go(func() {
			status, _ := a.ask("POST", viewers, body)
			statuses <- status
		})
	}
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got := a.served(); len(got) != 0 {
			t.Fatalf("%v is served", got)
		}
	}
	joins.Wait()
	count := map[int]int{}
	for range 6 {
		count[<-statuses]++
	}
	if count[403] != 2 || count[429] != 4 {
		t.Errorf("answers %v, want 2 times 403 and 4 times 429", count)
	}
	_ = victim.Close()
	all := <-received
	for _, d := range all {
		if !viewerapi.IsProof(d) {
			t.Errorf("the victim received %q", d)
		}
	}
	if len(all) > 2*3 {
		t.Errorf("the victim received %d datagrams, want at most 3 a join", len(all))
	}
}

func TestRenewals(t *testing.T) {
	a := start(t, viewerapi.Options{})
	var ids []string
	for port := range 20 {
		_, lease := a.ask("POST", viewers, fmt.Sprintf(`{"port": %d}`, port+1))
		ids = append(ids, lease["id"].(string))
	}
	a.ask("DELETE", viewers+"/"+ids[0], "")
	b, _ := json.Marshal(map[string]any{"ids": append(ids, "forged")})
	status, got := a.ask("POST", "/v1/channels/news/renewals", string(b))
	gone, _ := got["gone"].([]any)
	if status != 200 || got["renewed"] != 19.0 || len(gone) != 2 || gone[0] != ids[0] || gone[1] != "forged" {
		t.Error(status, got)
	}
	many, _ := json.Marshal(map[string]any{"ids": make([]string, 10_001)})
	if status, _ := a.ask("POST", "/v1/channels/news/renewals", string(many)); status != 413 {
		t.Error(status)
	}
}

// Events come in order, and again for those who missed some.
func TestEvents(t *testing.T) {
	a := start(t, viewerapi.Options{OperatorToken: "boss"})
	for _, token := range []string{"", "Bearer wrong"} {
		if status, _ := a.ask("GET", "/v1/events", "", "Authorization", token); status != 403 {
			t.Errorf("%q may see the events: %d", token, status)
		}
	}
	_, lease := a.ask("POST", viewers, `{"port": 5}`)
	a.ask("DELETE", viewers+"/"+lease["id"].(string), "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", a.url+"/v1/events?channel=news", nil)
	r.Header.Set("Authorization", "Bearer boss")
	r.Header.Set("Last-Event-ID", "1")
	reply, err := a.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	go func() { a.ask("POST", viewers, `{"port": 6}`) }()
	var got []viewerapi.Event
	for lines := bufio.NewScanner(reply.Body); len(got) < 2 && lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var e viewerapi.Event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
	}
	if len(got) != 2 || got[0].Type != "leave" || got[0].ID != 2 || got[1].Type != "join" || got[1].ID != 3 ||
		got[1].Port != 6 || got[1].EID != "127.0.0.1" || got[1].Channel != "news" {
		t.Errorf("%+v", got)
	}
	if status, v := a.ask("GET", "/v1/status", "", "Authorization", "Bearer boss"); status != 200 || v["joined"] != 2.0 || v["left"] != 1.0 {
		t.Error(status, v)
	}
}

// The webhook is told all events, again when it fails, and signed.
func TestWebhook(t *testing.T) {
	type post struct {
		Missed uint64
		Events []viewerapi.Event
	}
	posts := make(chan post, 10)
	fail := true
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if !credential.Verify([]byte("secret"), time.Now(), time.Minute, b, r.Header.Get(credential.SignatureHeader)) {
			t.Error("the signature is wrong")
		}
		if fail {
			fail = false
			w.WriteHeader(500)
			return
		}
		var p post
		if err := json.Unmarshal(b, &p); err != nil {
			t.Error(err)
		}
		posts <- p
	}))
	defer hook.Close()
	var said []string
	a := start(t, viewerapi.Options{Webhook: viewerapi.Webhook{URL: hook.URL, Secret: "secret", Failed: func(m string) { said = append(said, m) }}})
	a.ask("POST", viewers, `{"port": 5}`)
	for next := uint64(1); next < 2; {
		p := <-posts
		for _, e := range p.Events {
			if e.ID != next || e.Type != "join" {
				t.Errorf("%+v", e)
			}
			next++
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "500") {
		t.Errorf("said %q", said)
	}
}

// What a proxy says counts if the proxy is trusted, and only then.
func TestForwarded(t *testing.T) {
	for _, c := range []struct {
		trusted []netip.Prefix
		header  string
		want    string
	}{
		{nil, "10.1.0.5", "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "10.1.0.5", "10.1.0.5"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "6.6.6.6, 10.1.0.5", "10.1.0.5"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "garbage", "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "", "127.0.0.1"},
	} {
		a := start(t, viewerapi.Options{TrustedProxies: c.trusted})
		if status, lease := a.ask("POST", viewers, `{"port": 5}`, "X-Forwarded-For", c.header); status != 201 || lease["eid"] != c.want {
			t.Errorf("%+v: %d %v", c, status, lease)
		}
	}
}

func TestPages(t *testing.T) {
	a := start(t, viewerapi.Options{})
	for path, says := range map[string]string{
		"/":                               "The News",
		"/v1/channels":                    `"m3u":"/v1/channels/news.m3u"`,
		"/v1/channels/news":               `"source":"127.0.0.9:7000"`,
		"/v1/channels/news.m3u":           "udp://@:5004",
		"/v1/channels/news.m3u?port=1234": "#EXTINF:-1,The News\nudp://@:1234",
	} {
		reply, err := a.client.Get(a.url + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if reply.StatusCode != 200 || !strings.Contains(string(b), says) {
			t.Errorf("%s: %d %s", path, reply.StatusCode, b)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "a/b", "news.m3u8?", "-x", strings.Repeat("x", 64)} {
		if _, err := viewerapi.New(viewerapi.Options{}, viewerapi.Channel{Name: name}); err == nil {
			t.Errorf("%q is a channel", name)
		}
	}
}
