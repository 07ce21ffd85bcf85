package viewerapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
)

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
