package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/auth"
	"golang.org/x/net/html"
)

func TestPages(t *testing.T) {
	_, f, h := newTest(t)
	create(t, f, h, "sport", "10.0.0.20")
	tests := []struct {
		path string
		want []string
	}{
		{"/", []string{"Everything works", "news", "sport", "nothing sent", "/switches/etr", "2 of 2"}},
		{"/channels", []string{"2 channels", `href="/channels/news"`, "/new/channel"}},
		{"/channels?q=spo", []string{"1 channel<", "sport"}},
		{"/channels?q=nothing+like+it", []string{"No channel has"}},
		{"/channels?page=99", []string{"news"}},
		{"/channels/news", []string{"10.0.255.1", "4.00\u00a0Mbit/s of media", "belongs to the configuration file, at <code>test.yaml", "viewers", "not_ip"}},
		{"/channels/sport", []string{"/edit/channel/sport", "/delete/channel/sport"}},
		{"/sites", []string{"studio", "10.1.0.0/16", "HMAC does not match"}},
		{"/sites/viewers", []string{"Refused lately", "192.0.2.66:4342", "10.1.0.0/24"}},
		{"/mappings?site=viewers", []string{"10.1.0.0/24", "24 h", "cursor=more"}},
		{"/mappings?eid=10.1.0.1", []string{"Refused lately", "HMAC does not match key id 1 of site studio"}},
		{"/mappings?eid=nonsense", []string{"is not an EID", `aria-invalid="true"`}},
		{"/switches", []string{"1,234", "127.0.0.1:9560"}},
		{"/switches/etr", []string{"100,000", "76.3 percent", "eids6", "192.0.2.21/24"}},
		{"/events", []string{"sport", "token:ann", "10.0.0.20"}},
		{"/new/channel", []string{`action="/new/channel"`, "itr, port 1 (studio)"}},
		{"/edit/channel/sport", []string{`value="10.0.0.20"`, `name="version"`}},
		{"/delete/channel/sport", []string{"Delete sport?"}},
		{"/new/site", []string{`action="/new/site"`, "Add RLOC", "Add key", "More settings"}},
		{"/new/switch", []string{`action="/new/switch"`, "port 2", "Add neighbor", `<option value="viewers">`}},
	}
	for _, tt := range tests {
		w := get(h, tt.path)
		page := w.Body.String()
		if w.Code != http.StatusOK || w.Header().Get("Content-Security-Policy") != policy || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v", tt.path, w.Code, w.Header())
		}
		for _, want := range tt.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q", tt.path, want)
			}
		}
		wellFormed(t, tt.path, page)
	}
	f.status = api.Status{Problems: []api.Problem{{What: "switch itr", Why: "connection refused", Next: "corecast switch …"}}, Warnings: []string{"a warning"}}
	page := get(h, "/").Body.String()
	for _, want := range []string{"1 thing is broken", "connection refused", "corecast switch …", "a warning"} {
		if !strings.Contains(page, want) {
			t.Errorf("the overview does not say %q", want)
		}
	}
}

// TestFirstSteps: who has no channel yet is led to one.
func TestFirstSteps(t *testing.T) {
	_, f, h := newTest(t)
	cfg := *f.Config()
	cfg.Channels, cfg.Switches = nil, nil
	_ = f.apply(&cfg)
	page := get(h, "/").Body.String()
	for _, want := range []string{"To the first channel", "<strong>Done.</strong> Make a site", `href="/new/switch"`, `href="/new/channel"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the overview does not say %q: %s", want, page)
		}
	}
	wellFormed(t, "/", page)
	f.noStore = true
	if page := get(h, "/").Body.String(); strings.Contains(page, "/new/") || !strings.Contains(page, "Name them in the configuration file") {
		t.Errorf("without a store: %s", page)
	}
}

// wellFormed expects tags to be closed in the order in which they were opened,
// and nothing inline that the policy would forbid.
func wellFormed(t *testing.T, name, page string) {
	t.Helper()
	var open []string
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		switch tag := token.Data; {
		case kind == html.StartTagToken && !void[tag]:
			open = append(open, tag)
		case kind == html.EndTagToken && (len(open) == 0 || open[len(open)-1] != tag):
			t.Errorf("%s: </%s> closes %v", name, tag, open)
			return
		case kind == html.EndTagToken:
			open = open[:len(open)-1]
		}
		for _, a := range token.Attr {
			place := (a.Key == "href" || a.Key == "src" || a.Key == "action") && (!strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//"))
			if place || strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("%s: <%s %s=%q>", name, token.Data, a.Key, a.Val)
			}
		}
		if kind == html.StartTagToken && token.Data == "script" && !strings.Contains(token.String(), "src=") {
			t.Errorf("%s has an inline script", name)
		}
	}
	if len(open) > 0 {
		t.Errorf("%s: %v stay open", name, open)
	}
}

var void = map[string]bool{"meta": true, "link": true, "img": true, "input": true, "br": true}

// Names that would be markup, attributes, paths or events of a stream, if they
// were not taken as text.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus='alert(1)`, `../../etc/passwd`, `a/b?c=d#e`, "\r\nevent: point\r\ndata: {}",
	`{{.}}`, `javascript:alert(1)`, "\u202egnp.exe", "\x00\xff", strings.Repeat("long", 100), `%2e%2e%2f`,
}

func TestHostileNames(t *testing.T) {
	u, f, h := newTest(t)
	cfg := *f.Config()
	cfg.Channels, cfg.Sites, cfg.Switches = cfg.Channels[:1:1], cfg.Sites[:1:1], cfg.Switches[:1:1]
	for _, name := range hostile {
		channel, site, sw := cfg.Channels[0], cfg.Sites[0], cfg.Switches[0]
		channel.Name, site.Name, sw.Name, sw.Site, channel.Site, channel.Ingress.Switch = name, name, name, name, name, name
		cfg.Channels, cfg.Sites, cfg.Switches = append(cfg.Channels, channel), append(cfg.Sites, site), append(cfg.Switches, sw)
	}
	_ = f.apply(&cfg)
	paths := []string{"/", "/channels", "/sites", "/switches", "/new/channel", "/mappings"}
	for _, name := range hostile {
		for _, list := range []string{"/channels/", "/sites/", "/switches/"} {
			paths = append(paths, list+url.PathEscape(name))
		}
		paths = append(paths, "/channels?q="+url.QueryEscape(name), "/mappings?eid="+url.QueryEscape(name)+"&site="+url.QueryEscape(name))
	}
	for _, path := range paths {
		w := get(h, path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		wellFormed(t, path, w.Body.String())
	}
	// Nor do they end a line of a stream.
	s := &stream{u: u, page: u.all()[1]}
	for _, line := range strings.Split(string(events(t, s, `/channels`)), "\n") {
		if line != "" && line != ":" && !strings.HasPrefix(line, "data: ") {
			t.Errorf("the stream has a line %q", line)
		}
	}
}

// TestPathTricks: what is not there is not found, and nothing else.
func TestPathTricks(t *testing.T) {
	_, _, h := newTest(t)
	for _, path := range []string{
		"/channels/nope", "/live/channels/nope", "/sites/nope", "/switches/%00", "/switches/..%2f..%2fetc%2fpasswd", "/static/..%2fui.go", "/static/%2e%2e%2fui.go",
		"/static/", "/static/ui.go", "/static/layout.html", "/edit/channel/nope", "/delete/channel/nope", "/channels/%3Cscript%3E", "/live/static/app.js", "/events/x",
	} {
		w := get(h, path)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
		if body := w.Body.String(); strings.Contains(body, "<script>") || strings.Contains(body, "package ui") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if page := get(h, "/channels/nws").Body.String(); !strings.Contains(page, "There is no channel &#34;nws&#34;") || !strings.Contains(page, "did you mean news") {
		t.Errorf("no hint: %s", page)
	}
}

func TestAssets(t *testing.T) {
	u, _, h := newTest(t)
	page := get(h, "/").Body.String()
	total := len(page)
	found := regexp.MustCompile(`/static/[^"]*`).FindAllString(page, -1)
	if len(found) < 6 {
		t.Fatalf("%d assets in the page", len(found))
	}
	for _, target := range found {
		w := get(h, target)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
		total += w.Body.Len()
	}
	if total > 300<<10 {
		t.Errorf("a page with all it needs is %d bytes", total)
	}
	if w := get(h, "/static/app.js?v=old"); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("another version: %d %v", w.Code, w.Header())
	}
	for _, licence := range []string{"LICENSE.htmx", "LICENSE.uPlot"} {
		if len(u.assets.files[licence].content) == 0 {
			t.Errorf("no %s", licence)
		}
	}
}

// TestLookersChangeNothing: nor are they shown how.
func TestLookersChangeNothing(t *testing.T) {
	u, f, operator := newTest(t)
	create(t, f, operator, "sport", "10.0.0.20")
	mux := http.NewServeMux()
	u.Register(mux)
	viewer := as(auth.Viewer, mux)
	for _, path := range []string{"/channels", "/channels/sport", "/sites", "/sites/studio", "/switches", "/switches/itr"} {
		if page := get(viewer, path).Body.String(); strings.Contains(page, "/new/") || strings.Contains(page, "/edit/") || strings.Contains(page, "/delete/") {
			t.Errorf("%s shows how to change something", path)
		}
	}
	for _, path := range []string{"/new/channel", "/edit/channel/sport", "/delete/channel/sport", "/new/site", "/edit/site/studio", "/delete/site/studio", "/new/switch", "/edit/switch/itr"} {
		if w := get(viewer, path); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w := post(viewer, path, "name=more&site=studio&ingress=itr+1&source_eid=10.0.0.21"); w.Code < 400 {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	if w := post(viewer, "/check/channel", ""); w.Code < 400 {
		t.Errorf("it checks: %d", w.Code)
	}
	if c := f.Config(); len(c.Channels) != 2 || len(c.Sites) != 2 || len(c.Switches) != 2 {
		t.Errorf("something was changed: %+v", c)
	}
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(uint64(1234567)): "1,234,567", count(999.6): "1,000", count(-1234): "-1,234", count("ab"): "ab",
		rate(0): "0/s", rate(0.04): "<0.1/s", rate(3.14159): "3.1/s", rate(1234.5): "1,235/s",
		bits(0): "0\u00a0bit/s", bits(124.9): "999\u00a0bit/s", bits(125): "1.00\u00a0kbit/s", bits(1.2e6): "9.60\u00a0Mbit/s", bits(12.499e6): "100\u00a0Mbit/s", bits(1e15): "8000\u00a0Tbit/s",
		size(999_999): "1.00\u00a0MB", size(12_345): "12.3\u00a0kB",
		ago(1e9): "now", ago(90e9): "1 min ago", ago(-90e9): "in 1 min", span(72 * 3600e9): "3 days", span(47 * 3600e9): "47 h",
		short(5, "short"): "short", short(5, "longer"): "lo…er", short(6, "ünïcödé!"): "ünï…é!",
		plural(1, "site", "sites"): "1 site", plural(1000, "site", "sites"): "1,000 sites",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if _, err := dict("odd"); err == nil {
		t.Error("dict took an odd number of arguments")
	}
}

func TestPager(t *testing.T) {
	var names []string
	for i := range 2*maxFollowed + 1 {
		names = append(names, fmt.Sprint(i))
	}
	for _, tt := range []struct {
		number string
		want   Pager
		shown  int
	}{
		{"", Pager{1, 3, 0, 2}, maxFollowed}, {"2", Pager{2, 3, 1, 3}, maxFollowed}, {"3", Pager{3, 3, 2, 0}, 1},
		{"-7", Pager{1, 3, 0, 2}, maxFollowed}, {"99999999999999999999", Pager{1, 3, 0, 2}, maxFollowed}, {"4", Pager{3, 3, 2, 0}, 1},
	} {
		if p, shown := pageOf(names, tt.number); p != tt.want || len(shown) != tt.shown {
			t.Errorf("page %q: %+v with %d", tt.number, p, len(shown))
		}
	}
	if p, shown := pageOf(nil, "2"); p != (Pager{1, 1, 0, 0}) || len(shown) != 0 {
		t.Errorf("of nothing: %+v", p)
	}
}
