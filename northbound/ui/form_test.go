package ui

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/config"
)

var mistakes = regexp.MustCompile(`(?s)<li>.*?</li>|<p class="error".*?</p>`)

// TestForms: a channel is made, changed and deleted, with mistakes between.
func TestForms(t *testing.T) {
	_, f, h := newTest(t)
	version := func() string {
		o, _ := f.Object(channelRef("sport"))
		return o.Version
	}
	const good = "site=studio&ingress=itr+1&source_eid=10.0.0.20&lists=true"
	steps := []struct {
		path, form string
		status     int
		want       []string // in the page, or the place that it leads to
	}{
		{"/new/channel", good, 422, []string{`id="name-error"`, "needs a name"}},
		{"/new/channel", good + "&name=no+blanks", 422, []string{`id="name-error"`, "no blanks"}},
		{"/new/channel", "name=sport&site=&ingress=&source_eid=", 422, []string{`id="site-error"`}},
		{"/new/channel", "name=sport&site=studio", 422, []string{`id="source_eid-error"`, `id="ingress-error"`}},
		{"/new/channel", good + "&name=sport&redundancy=300&rate=fast&fanout=-1", 422, []string{`id="redundancy-error"`, "300", `id="rate-error"`, "fast", `id="fanout-error"`, `value="300"`}},
		{"/new/channel", "name=sport&site=studio&ingress=itr+9&source_eid=10.0.0.20", 422, []string{`id="ingress-error"`}},
		{"/new/channel", "name=sport&site=studio&ingress=itr+1&source_eid=10.9.0.1", 422, []string{`id="source_eid-error"`, "10.9.0.1 is not an EID of site studio"}},
		{"/new/channel", good + "&name=news", 409, []string{`id="name-error"`, "already"}},
		{"/new/channel", good + "&name=sport&rate=4Mbps&redundancy=16", 303, []string{"/channels/sport"}},
		{"/edit/channel/sport", good + "&version=1.no", 409, []string{"has changed this channel meanwhile"}},
		{"/edit/channel/news", good + "&version=VERSION", 409, []string{"changed"}},
		{"/edit/channel/sport", good + "&redundancy=8&version=VERSION", 303, []string{"/channels/sport"}},
		{"/delete/channel/sport", "version=0", 409, []string{"has changed"}},
		{"/delete/channel/news", "version=VERSION", 409, []string{"Delete news?"}},
		{"/delete/channel/sport", "version=VERSION", 303, []string{"/channels"}},
		{"/delete/channel/sport", "version=VERSION", 409, []string{"sport"}},
	}
	for _, st := range steps {
		w := post(h, st.path, strings.ReplaceAll(st.form, "VERSION", url.QueryEscape(version())))
		text := w.Body.String() + w.Header().Get("Location")
		if w.Code != st.status {
			t.Errorf("%s %s: %d, want %d", st.path, st.form, w.Code, st.status)
		}
		for _, want := range st.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s %s: does not say %q but %q", st.path, st.form, want, mistakes.FindAllString(text, -1))
			}
		}
		if w.Code != http.StatusSeeOther {
			wellFormed(t, st.path, w.Body.String())
		}
	}
	if err := f.Flush(t.Context()); err != nil || len(f.Config().Channels) != 1 {
		t.Errorf("%d channels are left, %v", len(f.Config().Channels), err)
	}
}

// TestCheck tells what a form would do before it does it.
func TestCheck(t *testing.T) {
	_, f, h := newTest(t)
	for form, want := range map[string]string{
		"name=sport&site=studio&ingress=itr+1&source_eid=10.0.0.20": "This writes to 1 switch: itr (+1 ~1)",
		"name=sport&site=studio&source_eid=10.9.0.1":                "missing or wrong so far",
		"": "missing or wrong so far",
	} {
		if w := post(h, "/check/channel", form); w.Code != http.StatusOK || !strings.Contains(strings.Join(strings.Fields(w.Body.String()), " "), want) {
			t.Errorf("%q: %d %s, want %q", form, w.Code, w.Body, want)
		}
	}
	if n := len(f.Config().Channels); n != 1 {
		t.Errorf("it made %d channels", n)
	}
}

// TestValuesAreTheBody: a form that is sent as it was shown changes nothing.
func TestValuesAreTheBody(t *testing.T) {
	_, f, _ := newTest(t)
	want := f.Config().Channels[0]
	want.Redundancy, want.Fanout = 16, 2000
	raw, err := body(valuesOf(&want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.DecodeObject[config.Channel](raw)
	if got.Name = want.Name; err != nil || got != want {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}

// FuzzForm: whatever a browser sends is JSON to be checked, and the form with it
// can be shown again.
func FuzzForm(f *testing.F) {
	f.Add("name=sport&site=studio&ingress=itr+1&source_eid=10.0.0.20&redundancy=16&lists=true")
	f.Add("ingress=itr&fanout=-1&rate=\x00&lists=maybe")
	f.Add("ingress=%3Cscript%3E+99999999999999999999&name=%22%3E")
	u, _, h := newTest(f)
	f.Fuzz(func(t *testing.T, form string) {
		values, err := url.ParseQuery(form)
		if err != nil {
			return
		}
		raw, err := body(values)
		if err != nil || !json.Valid(raw) {
			t.Fatalf("%q: %s, %v", form, raw, err)
		}
		_, _ = config.DecodeObject[config.Channel](raw)
		page, err := u.body("form", view{Data: u.newForm("", values)})
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, form, page)
		if w := post(h, "/check/channel", form); w.Code != http.StatusOK {
			t.Fatalf("%q: %d", form, w.Code)
		}
	})
}
