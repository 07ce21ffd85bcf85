package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/corecast/corecast/northbound/ui"
)

// The pages of the dashboard in a browser: what each shows, in which colours and at
// which widths, and what it lacks for those who cannot see it or have no mouse.

//go:embed testdata/browser/focus.js
var focusJS string

// look is a page to look at.
type look struct {
	pattern string // of the page, as the dashboard has it
	path    string
	name    string // of pictures
	want    string // text on it
}

// screen is one that a page is looked at on.
type screen struct {
	width   int64
	colours string
}

var (
	screens    = []screen{{1280, "light"}, {390, "light"}, {1280, "dark"}, {390, "dark"}}
	twoScreens = []screen{{1280, "light"}, {390, "dark"}} // for what is made of the same parts
)

// pages looks at every page that only shows something, and at the forms of a
// channel.
func (b *browser) pages() {
	for _, l := range []look{
		{"/{$}", "/", "overview", "Everything works"},
		{"/channels", "/channels", "channels", "news"},
		{"/channels/{name}", "/channels/news", "channel", "reserved EID"},
		{"/sites", "/sites", "sites", "domain2"},
		{"/sites/{name}", "/sites/domain1", "site", "10.1.0.0/16"},
		{"/mappings", "/mappings?all=true", "mappings", "192.0.2.22"},
		{"/switches", "/switches", "switches", "etr3"},
		{"/switches/{name}", "/switches/etr2", "switch", "eids4"},
		{"/events", "/events", "events", "Events"},
	} {
		b.looks(l, screens)
	}
	for _, l := range []look{
		{"/new/channel", "/new/channel", "new-channel", "Enters by"},
		{"/edit/channel/{name}", "/edit/channel/sport", "edit-channel", "Change sport"},
		{"/delete/channel/{name}", "/delete/channel/sport", "delete-channel", "This writes to"},
		{"/new/site", "/new/site", "new-site", "EID-prefixes"},
		{"/new/switch", "/new/switch", "new-switch", "P4Runtime address"},
	} {
		b.looks(l, twoScreens)
	}
}

// looks looks at a page on screens; on the first it is weighed, and walked through
// with the keyboard.
func (b *browser) looks(l look, on []screen) {
	b.Helper()
	b.seen[l.pattern] = true
	for i, s := range on {
		name := fmt.Sprintf("%s-%d-%s", l.name, s.width, s.colours)
		b.screen(s.width, s.colours)
		b.show(l.path)
		if b.is(`document.querySelector("#following") !== null`) {
			b.follows()
		}
		if text := b.text("main"); !strings.Contains(text, l.want) {
			b.Errorf("%s does not say %q: %s", name, l.want, text)
		}
		if b.is(`document.querySelector("figure.chart") !== null`) {
			b.until("the charts have points", `document.querySelector(".u-legend .u-value")`)
			if os.Getenv("CORECAST_SCREENSHOTS") != "" {
				time.Sleep(6 * time.Second) // so that they show something
			}
		}
		b.fine(name)
		b.picture(name)
		if i == 0 {
			b.light(l.name)
			b.tabs(name)
		}
	}
}

// is evaluates a condition in the page.
func (b *browser) is(expression string) (ok bool) {
	b.Helper()
	b.do(chromedp.Evaluate(expression, &ok))
	return ok
}

// tabs presses Tab until everything must have had the focus, and expects it to have
// been seen there.
func (b *browser) tabs(name string) {
	b.Helper()
	var n int
	b.do(chromedp.Evaluate(focusJS, nil), chromedp.Evaluate("keyboard.focusable()", &n))
	if n < 8 { // skip link, brand, menu, colours
		b.Errorf("%s: only %d things take the focus", name, n)
	}
	var press []chromedp.Action
	for range n + 10 { // more, since a page that follows may get more of them
		press = append(press, input.DispatchKeyEvent(input.KeyDown).WithKey("Tab").WithCode("Tab").WithWindowsVirtualKeyCode(9))
	}
	var wrong []string
	b.do(append(press, chromedp.Evaluate("keyboard.unreached()", &wrong))...)
	for _, w := range wrong {
		b.Errorf("%s: %s", name, w)
	}
}

// light expects the page to load little. When it shows something is told, not held
// against it: machines that test are busy.
func (b *browser) light(name string) {
	b.Helper()
	b.until("something is painted", `performance.getEntriesByName("first-contentful-paint").length > 0`)
	var paint float64
	b.do(chromedp.Evaluate(`performance.getEntriesByName("first-contentful-paint")[0].startTime`, &paint))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Logf("%s: %.0f kB, first paint after %.0f ms", name, b.bytes/1024, paint)
	if b.bytes > maxPageWeight || b.bytes < 10<<10 {
		b.Errorf("%s: %.0f bytes were loaded, want up to %d", name, b.bytes, maxPageWeight)
	}
}

// sawAllPages expects none to have been left out.
func (b *browser) sawAllPages() {
	all := ui.New(ui.Options{}).Pages()
	if len(all) < 10 {
		b.Errorf("the dashboard has only the pages %v", all)
	}
	for _, pattern := range all {
		if !b.seen[pattern] {
			b.Errorf("nobody looked at %s: add it to a list of looks", pattern)
		}
		delete(b.seen, pattern)
	}
	for pattern := range b.seen {
		b.Errorf("%s was looked at, and is no page", pattern)
	}
}

// showsReports has a source report other viewers than the ETRs serve.
func (b *browser) showsReports() {
	report := `{"interval_seconds":600,"channels":[{"name":"news","payloads":1,"bytes":1,"headers":1,"unicast":0,"viewers":[
		{"eid":"10.1.0.77","port":5004,"corecast":true,"since":"2030-01-02T03:04:05Z"}]}]}`
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPut, b.url+"/api/v1/sources/studio-1/report", strings.NewReader(report))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		b.Fatal(resp.Status)
	}
	b.screen(1280, "light")
	b.show("/channels/news")
	b.follows()
	b.until("the report is told beside what is counted",
		`[...document.querySelectorAll('td[data-label="viewers"]')].map(e => e.textContent).join() === "1 reported, 2 served,0 reported, 3 served,0 reported, 2 served"`)
	b.fine("channel with reports")
	b.show("/sites/domain1")
	b.until("so it is on the site's page", `document.querySelector("main").textContent.includes("reports of its source")`)
	b.fine("site with reports")
}

// createsSiteAndSwitch makes both by their forms, with rows, and takes them away.
func (b *browser) createsSiteAndSwitch() {
	b.screen(1280, "light")
	b.show("/new/site")
	b.do(chromedp.SetValue("#name", "paris", chromedp.ByQuery), chromedp.SetValue("#eid_prefixes", "10.0.3.0/24", chromedp.ByQuery),
		chromedp.SetValue(byID("rlocs.0.address"), "192.0.2.10", chromedp.ByQuery),
		chromedp.Click(`button[name="add"][value="auth_keys"]`, chromedp.ByQuery), chromedp.WaitVisible(byID("auth_keys.0.secret"), chromedp.ByQuery))
	b.until("the new row has the focus", `document.activeElement.id === "auth_keys.0.id"`)
	b.do(chromedp.SendKeys(byID("auth_keys.0.secret"), "hush\r", chromedp.ByQuery), chromedp.WaitVisible("#errors", chromedp.ByQuery)) // Enter creates
	for field, want := range map[string]string{"eid_prefixes": "overlaps", "rlocs.0.address": "192.0.2.10"} {
		if text := b.text(byID(field + "-error")); !strings.Contains(text, want) {
			b.Errorf("the error of %s is %q", field, text)
		}
	}
	b.fine("site with mistakes")
	b.picture("site-mistakes-1280-light")
	b.do(chromedp.Click(`#errors a[href="#rlocs.0.address"]`, chromedp.ByQuery))
	b.until("the mistake leads to its field", `document.activeElement.id === "rlocs.0.address"`)
	b.do(chromedp.SetValue("#eid_prefixes", "10.40.0.0/16", chromedp.ByQuery), chromedp.SetValue(byID("rlocs.0.address"), "192.0.2.40", chromedp.ByQuery),
		chromedp.SendKeys(byID("auth_keys.0.secret"), "hush", chromedp.ByQuery), chromedp.Submit("#name", chromedp.ByQuery))
	b.until("the site's page", `location.pathname === "/sites/paris"`)

	b.show("/new/switch")
	b.do(chromedp.SetValue("#name", "itr40", chromedp.ByQuery), chromedp.SetValue("#address", "127.0.0.1:9", chromedp.ByQuery), chromedp.SetValue("#site", "paris", chromedp.ByQuery),
		chromedp.SetValue(byID("ports.0.address"), "10.40.0.1/24", chromedp.ByQuery), chromedp.SetValue(byID("ports.1.address"), "192.0.2.40/24", chromedp.ByQuery),
		chromedp.Submit("#name", chromedp.ByQuery))
	b.until("the switch's page", `location.pathname === "/switches/itr40"`)
	for _, l := range []look{
		{"/edit/switch/{name}", "/edit/switch/itr40", "edit-switch", "port 2"},
		{"/delete/switch/{name}", "/delete/switch/itr40", "delete-switch", "until it is stopped"},
		{"/edit/site/{name}", "/edit/site/paris", "edit-site", "Change paris"},
		{"/delete/site/{name}", "/delete/site/paris", "delete-site", "in use by switch itr40"},
	} {
		b.looks(l, twoScreens)
	}
	b.show("/") // a switch that does not answer
	b.until("the overview tells what is broken", `document.querySelector("main").textContent.includes("switch itr40")`)
	b.picture("overview-broken-390-dark")
	for _, path := range []string{"/delete/switch/itr40", "/delete/site/paris"} {
		b.show(path)
		b.do(chromedp.Click(`main button[type="submit"]`, chromedp.ByQuery))
		b.until("it is gone", `!location.pathname.startsWith("/delete")`)
	}
}

// byID is a selector of an id that has dots.
func byID(id string) string { return fmt.Sprintf("[id=%q]", id) }

// withoutJavaScript the pages have the same numbers.
func (b *browser) withoutJavaScript() {
	b.screen(1280, "light")
	b.do(emulation.SetScriptExecutionDisabled(true))
	defer b.do(emulation.SetScriptExecutionDisabled(false))
	for path, want := range map[string]string{
		"/": "1.00 copies/payload", "/channels": "bit/s", "/channels/news": "bit/s", "/switches/etr2": "eids4", "/sites/domain1": "10.1.0.0/16", "/new/switch": "Add port",
	} {
		b.show(path)
		if text := b.text("body"); !strings.Contains(text, want) || strings.Contains(text, "connecting") {
			b.Errorf("%s does not say %q: %s", path, want, text)
		}
		b.fine(path + " without JavaScript")
	}
	b.picture("no-javascript")
}
