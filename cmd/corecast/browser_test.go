package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/corecast/corecast/demo"
)

// What a real browser makes of the dashboard on the running Fig. 2 network.
// CORECAST_SCREENSHOTS=DIR leaves pictures of every page there.

//go:embed testdata/browser/check.js
var checkJS string

const (
	// browserPatience bounds every wait: machines that test are busy.
	browserPatience = 60 * time.Second
	maxPageWeight   = 300 << 10
)

// browser is a headless Chromium with one tab.
type browser struct {
	*testing.T
	ctx context.Context
	url string

	mu       sync.Mutex // guards what follows
	bytes    float64    // that came for the page
	troubles []string   // what the browser complained of

	seen map[string]bool // patterns of the pages that were looked at
}

// startBrowser starts Chromium beside a dashboard, or skips the test.
func startBrowser(t *testing.T, dashboard string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(profile(t)), chromedp.WSURLReadTimeout(browserPatience))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{T: t, ctx: ctx, url: dashboard, seen: map[string]bool{}}
	chromedp.ListenTarget(ctx, b.listen)
	if err := chromedp.Run(ctx); err != nil { // it ends with the context of its first run
		t.Fatal(err)
	}
	b.do(network.Enable(), network.SetCacheDisabled(true), cdpruntime.Enable())
	return b
}

// profile is a directory for a browser, whose processes may write to it for a
// moment after it has ended.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "corecast-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Logf("%s is left behind", dir)
	})
	return dir
}

// listen counts what the page loads, and notes what it must not do.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.url) && !strings.HasPrefix(e.Request.URL, "data:") {
			b.troubles = append(b.troubles, "it asks "+e.Request.URL)
		}
	case *network.EventLoadingFinished:
		b.bytes += e.EncodedDataLength
	case *cdpruntime.EventExceptionThrown:
		b.troubles = append(b.troubles, "exception: "+e.ExceptionDetails.Error())
	case *cdpruntime.EventConsoleAPICalled:
		// A stream that ends because the page is left is no trouble.
		left := strings.Contains(texts(e.Args), "htmx:sse:error")
		if (e.Type == cdpruntime.APITypeError || e.Type == cdpruntime.APITypeWarning) && !left {
			b.troubles = append(b.troubles, fmt.Sprintf("console: %s %s", e.Type, texts(e.Args)))
		}
	}
}

// texts are what a page writes to its console.
func texts(args []*cdpruntime.RemoteObject) string {
	var parts []string
	for _, a := range args {
		parts = append(parts, string(a.Value))
	}
	return strings.Join(parts, " ")
}

// do has the browser do something, within browserPatience.
func (b *browser) do(actions ...chromedp.Action) {
	b.Helper()
	if err := b.try(actions...); err != nil {
		var where string
		_ = b.try(chromedp.Location(&where))
		b.Fatalf("at %s: %v", where, err)
	}
}

func (b *browser) try(actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// show opens a page and forgets what was noted of the one before.
func (b *browser) show(path string) {
	b.Helper()
	b.mu.Lock()
	b.bytes, b.troubles = 0, nil
	b.mu.Unlock()
	b.do(chromedp.Navigate(b.url + path))
}

// screen sets size and colours.
func (b *browser) screen(width int64, colours string) {
	b.Helper()
	b.do(emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: colours}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
}

// text is what a selector shows.
func (b *browser) text(selector string) string {
	b.Helper()
	var s string
	b.do(chromedp.Text(selector, &s, chromedp.ByQuery))
	return s
}

// until waits for an expression to be true in the page, whichever that is by
// then.
func (b *browser) until(what, expression string) {
	b.Helper()
	var err error
	for end := time.Now().Add(browserPatience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var ok bool
		if err = b.try(chromedp.Evaluate("!!("+expression+")", &ok)); err == nil && ok {
			return
		}
	}
	b.picture("failed")
	b.Fatalf("%s: never happened (%v)", what, err)
}

// follows waits until the page follows the network.
func (b *browser) follows() {
	b.Helper()
	b.until("the page follows", `document.querySelector("#following")?.dataset.state === "live"`)
}

// fine expects nothing to be wrong with the page.
func (b *browser) fine(what string) {
	b.Helper()
	var wrong []string
	b.do(chromedp.Evaluate(checkJS, &wrong))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range append(wrong, b.troubles...) {
		b.Errorf("%s: %s", what, w)
	}
}

// picture leaves a screenshot of the whole page, if asked for.
func (b *browser) picture(name string) {
	b.Helper()
	dir := os.Getenv("CORECAST_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithFormat(page.CaptureScreenshotFormatPng).Do(ctx)
		return err
	}))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}

// startDemo runs Fig. 2 with its dashboard until the test ends.
func startDemo(t *testing.T) (dashboard string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said, says := io.Pipe()
	o := demo.Defaults()
	o.Control = withDashboard("127.0.0.1:0", says)
	done := make(chan error, 1)
	go func() {
		report, err := demo.Run(ctx, o, nil)
		if err == nil {
			err = report.Verdict()
		}
		says.CloseWithError(fmt.Errorf("the demo ended: %w", err))
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("demo: %v", err)
		}
	})
	var address string
	if _, err := fmt.Fscanf(said, "Dashboard: %s\n", &address); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(address, "/")
}

func TestDashboardInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes long")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("no chromium: apt-get install chromium")
	}
	b := startBrowser(t, startDemo(t))
	b.run("channel", (*browser).createsChannel)
	b.run("pages", (*browser).pages)
	b.run("numbers", (*browser).numbersChange)
	b.run("reports", (*browser).showsReports)
	b.run("keyboard", (*browser).keyboard)
	b.run("site and switch", (*browser).createsSiteAndSwitch)
	b.run("without JavaScript", (*browser).withoutJavaScript)
	b.run("controller lost", (*browser).losesController)
	b.run("delete", (*browser).deletes)
	b.run("all pages", (*browser).sawAllPages)
}

// run runs a part of a test in the same browser.
func (b *browser) run(name string, part func(*browser)) {
	b.T.Run(name, func(t *testing.T) {
		all := b.T
		b.T = t
		defer func() { b.T = all }()
		part(b)
	})
}

// createsChannel makes a channel, at first with mistakes.
func (b *browser) createsChannel() {
	b.screen(1280, "light")
	b.show("/channels")
	b.do(chromedp.Click(`a[href="/new/channel"]`, chromedp.ByQuery), chromedp.WaitVisible("#name", chromedp.ByQuery))
	b.do(chromedp.SetValue("#name", "sport", chromedp.ByQuery), chromedp.SetValue("#site", "studio", chromedp.ByQuery),
		chromedp.SetValue("#ingress", "itr1 1", chromedp.ByQuery), chromedp.SendKeys("#source_eid", "10.77.0.1", chromedp.ByQuery),
		chromedp.SendKeys("#redundancy", "often", chromedp.ByQuery))
	b.fine("form")
	b.do(chromedp.Submit("#name", chromedp.ByQuery), chromedp.WaitVisible("#errors", chromedp.ByQuery))
	b.until("the mistakes have the focus", `document.activeElement.id === "errors"`)
	if text := b.text("#redundancy-error"); !strings.Contains(text, "often") {
		b.Errorf("the error of redundancy does not name its value: %s", text)
	}
	if b.value("#source_eid") != "10.77.0.1" || b.value("#site") != "studio" {
		b.Errorf("what was typed is gone: %s, %s", b.value("#source_eid"), b.value("#site"))
	}
	b.fine("form with mistakes")
	b.picture("form-1280-light")
	b.screen(390, "dark")
	b.fine("narrow form with mistakes")
	b.picture("form-390-dark")
	b.screen(1280, "light")

	b.do(chromedp.SetValue("#redundancy", "16", chromedp.ByQuery), chromedp.Submit("#name", chromedp.ByQuery),
		chromedp.WaitVisible("#source_eid-error", chromedp.ByQuery))
	if text := b.text("#source_eid-error"); !strings.Contains(text, "10.77.0.1") {
		b.Errorf("the error of the source EID does not name its value: %s", text)
	}
	b.do(chromedp.SetValue("#source_eid", "10.0.0.20", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("#source_eid").dispatchEvent(new Event("change", { bubbles: true }))`, nil))
	b.until("what it would do", `document.querySelector("#effect").textContent.includes("itr1")`)
	b.do(chromedp.Submit("#name", chromedp.ByQuery))
	b.until("the channel's page", `location.pathname === "/channels/sport"`)
	b.follows()
	b.until("the channel is on all switches", `document.querySelector(".head .pill")?.textContent === "ready"`)
	if text := b.text("main"); !strings.Contains(text, "10.0.255.") {
		b.Errorf("no reserved EID was chosen: %s", text)
	}
}

// deletes takes the channel away again, and finds all in the events.
func (b *browser) deletes() {
	b.show("/delete/channel/sport")
	b.fine("delete")
	b.do(chromedp.Click(`main button[type="submit"]`, chromedp.ByQuery))
	b.until("the list", `location.pathname === "/channels"`)
	b.show("/events")
	b.follows()
	b.until("both changes are events", `(t => t.includes("sport") && t.includes("10.0.0.20"))(document.querySelector("main").textContent)`)
}

// numbersChange: without a reload the page shows what flows now.
func (b *browser) numbersChange() {
	b.screen(1280, "light")
	b.show("/channels/news")
	b.follows()
	b.do(chromedp.Evaluate(`window.before = document.querySelector(".tiles").textContent`, nil))
	b.until("the numbers change", `document.querySelector(".tiles").textContent !== window.before`)
	b.until("each payload is sent once to each site",
		`[...document.querySelectorAll('td[data-label="copies a payload"]')].map(e => e.textContent).join() === "1.00,1.00,1.00"`)
	b.until("all viewers are counted",
		`[...document.querySelectorAll('td[data-label="viewers"]')].map(e => e.textContent).join() === "2,3,2"`)
	b.until("nothing is lost", `[...document.querySelectorAll('td[data-label="lost"]')].every(e => e.textContent === "0")`)
	b.do(chromedp.Evaluate(`window.link = document.querySelector('main a[href="/sites/domain1"]'), window.link.focus()`, nil))
	b.do(chromedp.Evaluate(`window.before = document.querySelector(".tiles").textContent`, nil))
	b.until("they change again", `document.querySelector(".tiles").textContent !== window.before`)
	b.until("the focus stays where it was", `document.activeElement === window.link && window.link.isConnected`)
}

// keyboard walks through a page without a mouse.
func (b *browser) keyboard() {
	b.screen(1280, "light")
	b.show("/")
	b.follows()
	key := func(k string) { b.do(chromedp.KeyEvent(k)) }
	focus := func() (s string) {
		b.do(chromedp.Evaluate(`(e => (e.getAttribute("aria-label") || e.textContent).trim())(document.activeElement)`, &s))
		return s
	}
	key(kb.Tab)
	if got := focus(); !strings.HasPrefix(got, "Skip") {
		b.Errorf("first comes %q, not the skip link", got)
	}
	key(kb.Enter)
	b.until("the focus is in the content", `document.activeElement.id === "main"`)
	key(kb.Tab) // into the drawing
	if got := focus(); !strings.Contains(got, "news") {
		b.Errorf("in the content first comes %q, not the drawing's source", got)
	}
	var outlined bool
	b.do(chromedp.Evaluate(`getComputedStyle(document.activeElement.querySelector(".box")).strokeWidth === "4px"`, &outlined))
	if !outlined {
		b.Error("the focus is not to be seen in the drawing")
	}
	b.show("/")
	for _, want := range []string{"Skip to the content", "CoreCast", "Overview", "Channels", "Sites", "Mappings", "Switches", "Events", "Dark colours"} {
		key(kb.Tab)
		if got := focus(); got != want {
			b.Errorf("the focus is on %q, want %q", got, want)
		}
	}
	key(" ")
	b.until("the colours are dark", `document.documentElement.dataset.theme === "dark" && document.activeElement.getAttribute("aria-pressed") === "true"`)
	b.show("/sites") // and stay so
	b.until("the colours stay dark", `document.documentElement.dataset.theme === "dark"`)
	b.fine("chosen dark")
	b.do(chromedp.Evaluate(`localStorage.clear()`, nil))
}

// value is what a field has.
func (b *browser) value(selector string) (s string) {
	b.Helper()
	b.do(chromedp.Value(selector, &s, chromedp.ByQuery))
	return s
}
