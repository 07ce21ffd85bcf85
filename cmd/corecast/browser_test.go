package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/url"
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
	// maxFirstPaint is generous for the same reason; what is measured is logged.
	maxFirstPaint = 5000 // ms
)

// browser is a headless Chromium with one tab.
type browser struct {
	*testing.T
	ctx context.Context
	url string

	mu       sync.Mutex // guards what follows
	bytes    float64    // that came for the page
	troubles []string   // what the browser complained of
}

// startBrowser starts Chromium beside a dashboard, or skips the test.
func startBrowser(t *testing.T, dashboard string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(browserPatience))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{T: t, ctx: ctx, url: dashboard}
	if err := chromedp.Run(ctx); err != nil { // it ends with the context of its first run
		t.Fatal(err)
	}
	b.do(network.Enable(), network.SetCacheDisabled(true), cdpruntime.Enable())
	return b
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
		if e.Type == cdpruntime.APITypeError || e.Type == cdpruntime.APITypeWarning {
			b.troubles = append(b.troubles, fmt.Sprintf("console: %s %s", e.Type, e.Args[0].Value))
		}
	}
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

// until waits for an expression to be true in the page.
func (b *browser) until(what, expression string) {
	b.Helper()
	if err := b.try(chromedp.Poll(expression, nil, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(browserPatience))); err != nil {
		b.picture("failed")
		b.Fatalf("%s: %v", what, err)
	}
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
	t.Run("pages", b.pages)
}

// pages looks at every page, at both widths and in both colours.
func (b *browser) pages(t *testing.T) {
	b = &browser{T: t, ctx: b.ctx, url: b.url}
	chromedp.ListenTarget(b.ctx, b.listen)
	for _, p := range []struct{ path, name, want string }{
		{"/", "overview", "Everything works"},
		{"/channels", "channels", "news"},
		{"/channels/news", "channel", "reserved EID"},
		{"/sites", "sites", "domain2"},
		{"/sites/domain1", "site", "10.1.0.0/16"},
		{"/mappings?all=true", "mappings", "192.0.2.22"},
		{"/switches", "switches", "etr3"},
		{"/switches/etr2", "switch", "eids4"},
	} {
		for _, s := range []struct {
			width   int64
			colours string
		}{{1280, "light"}, {390, "light"}, {1280, "dark"}, {390, "dark"}} {
			name := fmt.Sprintf("%s-%d-%s", p.name, s.width, s.colours)
			b.screen(s.width, s.colours)
			b.show(p.path)
			if !strings.Contains(p.path, "mappings") {
				b.follows()
			}
			if text := b.text("main"); !strings.Contains(text, p.want) {
				t.Errorf("%s does not say %q: %s", name, p.want, text)
			}
			if b.charts() {
				b.until("the charts have points", `document.querySelector(".u-legend .u-value")`)
				if os.Getenv("CORECAST_SCREENSHOTS") != "" {
					time.Sleep(6 * time.Second) // so that they show something
				}
			}
			b.fine(name)
			b.picture(name)
			if s.width == 1280 && s.colours == "light" {
				b.light(p.name)
			}
		}
	}
}

func (b *browser) charts() (any bool) {
	b.do(chromedp.Evaluate(`document.querySelector("figure.chart") !== null`, &any))
	return any
}

// light expects the page to load little, and to show something soon.
func (b *browser) light(name string) {
	b.Helper()
	var paint float64
	b.do(chromedp.Evaluate(`performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1`, &paint))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Logf("%s: %.0f kB, first paint after %.0f ms", name, b.bytes/1024, paint)
	if b.bytes > maxPageWeight || b.bytes < 10<<10 {
		b.Errorf("%s: %.0f bytes were loaded, want up to %d", name, b.bytes, maxPageWeight)
	}
	if paint < 0 || paint > maxFirstPaint {
		b.Errorf("%s: first paint after %.0f ms", name, paint)
	}
}

var _ = url.PathEscape
