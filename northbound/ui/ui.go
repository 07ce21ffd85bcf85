package ui

import (
	"bytes"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/corecast/corecast/northbound/live"
)

// Options are what a UI shows, and how.
type Options struct {
	Source  Source
	Sampler *live.Sampler
	// Version is that of the program.
	Version string
	// Logger takes what an operator wants to read later; nil discards it.
	Logger *slog.Logger
}

// UI serves the dashboard. Make it with New.
type UI struct {
	opts    Options
	log     *slog.Logger
	assets  *assets
	pages   *template.Template
	kinds   []*editable
	streams chan struct{} // one for each stream under way
	done    chan struct{} // closed by Close
	close   sync.Once
	now     func() time.Time
	every   time.Duration // between updates of a stream
	first   time.Duration // until the first
}

// maxStreams is how many pages follow at the same time; others have to be
// reloaded.
const maxStreams = 256

// New makes a UI.
func New(opts Options) *UI {
	u := &UI{opts: opts, log: opts.Logger, assets: newAssets(), kinds: editables(), streams: make(chan struct{}, maxStreams), done: make(chan struct{}), now: time.Now, every: live.Period, first: firstUpdate}
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	u.pages = template.Must(template.New("").Funcs(funcs(func() time.Time { return u.now() }, u.assets.url)).ParseFS(templateFiles, "templates/*.html"))
	return u
}

// Close ends all streams.
func (u *UI) Close() { u.close.Do(func() { close(u.done) }) }

// Register adds the pages to mux.
func (u *UI) Register(mux *http.ServeMux) {
	mux.Handle("GET /static/{name}", u.secure(http.HandlerFunc(u.assets.serve)))
	for _, p := range u.all() {
		mux.Handle("GET "+p.pattern, u.secure(u.show(p)))
		if p.live {
			mux.Handle("GET /live"+p.pattern, u.secure(u.follow(p)))
		}
	}
	u.registerForms(mux)
}

// page is a page and what it is made of.
type page struct {
	pattern string // of its URL
	name    string // of its template
	section string // of the menu
	live    bool   // it follows
	data    func(*http.Request) (view, error)
}

// view is what a page shows.
type view struct {
	Title string
	Data  any
	// Point is a moment of the page's charts; nil: it has none yet.
	Point *moment
	// Past are those before.
	Past []moment
}

// all are the pages.
func (u *UI) all() []page {
	return []page{
		{"/{$}", "overview", "overview", true, u.overview},
		{"/channels", "channels", "channels", true, u.channels},
		{"/channels/{name}", "channel", "channels", true, u.channel},
		{"/sites", "sites", "sites", true, u.sites},
		{"/sites/{name}", "site", "sites", true, u.site},
		{"/mappings", "mappings", "mappings", false, u.mappings},
		{"/switches", "switches", "switches", true, u.switches},
		{"/switches/{name}", "switch", "switches", true, u.oneSwitch},
		{"/events", "events", "events", true, u.events},
	}
}

// Pages are the patterns of all pages, as http.ServeMux has them.
func (u *UI) Pages() []string {
	var all []string
	for _, p := range u.all() {
		all = append(all, p.pattern)
	}
	for _, k := range u.kinds {
		all = append(all, "/new/"+k.Name(), "/edit/"+k.Name()+"/{name}", "/delete/"+k.Name()+"/{name}")
	}
	return all
}

// layout is what the template of all pages takes.
type layout struct {
	view
	Page    string
	Section string
	Live    string // URL of the stream; empty if the page does not follow
	Version string
	Menu    []menuItem
	Now     time.Time
}

type menuItem struct{ Section, URL, Label string }

var menu = []menuItem{
	{"overview", "/", "Overview"},
	{"channels", "/channels", "Channels"},
	{"sites", "/sites", "Sites"},
	{"mappings", "/mappings", "Mappings"},
	{"switches", "/switches", "Switches"},
	{"events", "/events", "Events"},
}

// show answers with a whole page.
func (u *UI) show(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := p.data(r)
		if err != nil {
			u.fail(w, p, err)
			return
		}
		l := layout{view: v, Page: p.name, Section: p.section}
		if p.live {
			l.Live = liveURL(r.URL)
		}
		u.write(w, http.StatusOK, l)
	}
}

// liveURL is the stream of the page at a URL.
func liveURL(page *url.URL) string {
	u := url.URL{Path: "/live" + page.Path, RawPath: "/live" + page.EscapedPath(), RawQuery: page.RawQuery}
	return u.String()
}

// fail answers with the page of an error.
func (u *UI) fail(w http.ResponseWriter, p page, err error) {
	status := http.StatusInternalServerError
	switch err.(type) {
	case *notFound:
		status = http.StatusNotFound
	case *ofFile:
		status = http.StatusConflict
	}
	switch err {
	case errReadOnly:
		status = http.StatusForbidden
	case errNoStore:
		status = http.StatusConflict
	}
	u.write(w, status, layout{view: view{Title: http.StatusText(status), Data: failure{err, "/" + p.section}}, Page: "error", Section: p.section})
}

// write renders a whole page.
func (u *UI) write(w http.ResponseWriter, status int, l layout) {
	l.Version, l.Menu, l.Now = u.opts.Version, menu, u.now()
	var b bytes.Buffer
	body, err := u.body(l.Page, l.view)
	if err == nil {
		err = u.pages.ExecuteTemplate(&b, "layout", struct {
			layout
			Body template.HTML
		}{l, template.HTML(body)})
	}
	if err != nil { // a fault of ours
		u.log.Error("page", "page", l.Page, "error", err)
		http.Error(w, "the page could not be made; the controller's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.Copy(w, &b) // the browser may be gone
}

// body renders what is between header and footer, which is what a stream sends.
func (u *UI) body(name string, v view) (string, error) {
	var b strings.Builder
	err := u.pages.ExecuteTemplate(&b, "page-"+name, v)
	return b.String(), err
}

// policy is the Content-Security-Policy of every page: only what is served here,
// and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers of every answer.
func (u *UI) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
