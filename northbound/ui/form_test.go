package ui

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
)

var mistakes = regexp.MustCompile(`(?s)<li>.*?</li>|<p class="error".*?</p>`)

// step is a form that is sent, and what comes of it.
type step struct {
	path, form string // VERSION in it is that of the object
	status     int
	want       []string // in the page, or the place that it leads to
}

// walk does steps with the object of a name.
func walk(t *testing.T, f *fake, h http.Handler, ref inventory.Ref, steps []step) {
	t.Helper()
	for _, st := range steps {
		o, _ := f.Object(ref)
		w := post(h, st.path, strings.ReplaceAll(st.form, "VERSION", url.QueryEscape(o.Version)))
		text := w.Body.String() + w.Header().Get("Location")
		if w.Code != st.status {
			t.Errorf("%s %s: %d, want %d: %q", st.path, st.form, w.Code, st.status, mistakes.FindAllString(text, -1))
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
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestChannelForms: a channel is made, changed and deleted, with mistakes between.
func TestChannelForms(t *testing.T) {
	_, f, h := newTest(t)
	const good = "site=studio&ingress=itr+1&source_eid=10.0.0.20&lists=true"
	walk(t, f, h, inventory.Ref{Kind: inventory.Channel, Name: "sport"}, []step{
		{"/new/channel", good, 422, []string{`id="name-error"`, "needs a name"}},
		{"/new/channel", good + "&name=no+blanks", 422, []string{`id="name-error"`, "no blanks"}},
		{"/new/channel", "name=sport&site=&ingress=&source_eid=", 422, []string{`id="site-error"`}},
		{"/new/channel", "name=sport&site=studio", 422, []string{`id="source_eid-error"`, `id="ingress-error"`}},
		{"/new/channel", good + "&name=sport&redundancy=300&rate=fast&fanout=-1", 422, []string{`id="redundancy-error"`, "300", `id="rate-error"`, "fast", `id="fanout-error"`, `value="300"`, "<details class=\"more\" open>"}},
		{"/new/channel", "name=sport&site=studio&ingress=itr+9&source_eid=10.0.0.20", 422, []string{`id="ingress-error"`, `value="itr 9" selected`}},
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
	})
	if len(f.Config().Channels) != 1 {
		t.Errorf("%d channels are left", len(f.Config().Channels))
	}
}

// TestSiteForms: the same of a site, with its rows.
func TestSiteForms(t *testing.T) {
	_, f, h := newTest(t)
	paris := inventory.Ref{Kind: inventory.Site, Name: "paris"}
	const good = "eid_prefixes=10.20.0.0/16,+2001:db8:20::/48&reserved_eids=10.20.255.0/24&rlocs.0.address=192.0.2.20&corecast=true&proxy_reply=true"
	walk(t, f, h, paris, []step{
		{"/new/site", "name=paris", 422, []string{`id="eid_prefixes-error"`}},
		{"/new/site", "name=paris&eid_prefixes=10.0.5.0/24", 422, []string{`id="eid_prefixes-error"`, "overlaps"}},
		{"/new/site", good + "&name=paris&rlocs.4.address=&rlocs.7.address=192.0.2.10", 422, []string{`id="rlocs.1.address-error"`, "192.0.2.10 is an RLOC of"}},
		{"/new/site", good + "&name=paris&rlocs.0.priority=high", 422, []string{`id="rlocs.0.priority-error"`, "high"}},
		{"/new/site", good + "&name=paris&auth_keys.0.id=1&auth_keys.0.algorithm=hmac-sha256-128", 422, []string{"auth_keys.0"}},
		{"/new/site", good + "&name=paris&add=auth_keys", 200, []string{`id="auth_keys.0.secret"`, `value="10.20.0.0/16, 2001:db8:20::/48"`}},
		{"/new/site", good + "&name=paris&rlocs.1.address=192.0.2.21&remove=rlocs.0", 200, []string{`id="rlocs.0.address" name="rlocs.0.address" value="192.0.2.21"`}},
		{"/new/site", good + "&name=studio", 409, []string{`id="name-error"`, "already"}},
		{"/new/site", good + "&name=paris&auth_keys.0.id=1&auth_keys.0.algorithm=hmac-sha256-128&auth_keys.0.secret=hush", 303, []string{"/sites/paris"}},
		{"/edit/site/paris", good + "&version=7", 409, []string{"has changed this site meanwhile"}},
		{"/edit/site/paris", good + "&version=VERSION&auth_keys.0.id=1&auth_keys.0.algorithm=hmac-sha256-128", 303, []string{"/sites/paris"}},
		{"/delete/site/studio", "version=VERSION", 409, []string{"Delete studio?"}},
	})
	page := get(h, "/edit/site/paris").Body.String()
	for _, want := range []string{`value="10.20.0.0/16, 2001:db8:20::/48"`, `value="192.0.2.20"`, `id="auth_keys.0.secret"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the form of paris has no %q", want)
		}
	}
	if strings.Contains(page, "hush") {
		t.Error("the form tells a secret")
	}
	if site := f.Config().FindSite("paris"); site == nil || len(site.AuthKeys) != 1 || site.AuthKeys[0].Secret != "hush" {
		t.Errorf("a key that comes without a secret has not kept it: %+v", site)
	}
	walk(t, f, h, paris, []step{{"/delete/site/paris", "version=VERSION", 303, []string{"/sites"}}})
}

// TestSwitchForms: the same of a switch.
func TestSwitchForms(t *testing.T) {
	_, f, h := newTest(t)
	const good = "address=127.0.0.1:9561&site=viewers&target=softswitch&ports.0.id=1&ports.0.role=local&ports.0.address=10.1.9.1/24,+2001:db8:1::1/64&ports.1.id=2&ports.1.role=transit&ports.1.address=192.0.3.22/24&ports.1.next_hop=192.0.3.1"
	walk(t, f, h, inventory.Ref{Kind: inventory.Switch, Name: "etr-2"}, []step{
		{"/new/switch", "name=etr-2&ports.0.role=local", 422, []string{`id="address-error"`, `id="site-error"`}},
		{"/new/switch", good + "&name=etr-2&ports.1.mtu=12&ports.2.id=3&ports.2.role=local", 422, []string{`id="ports.1.mtu-error"`, `id="ports.2.address-error"`}},
		{"/new/switch", good + "&name=etr-2&neighbors.0.mac=x", 422, []string{`id="neighbors.0.mac-error"`}},
		{"/new/switch", good + "&name=etr-2&punt_rates.arp=many", 422, []string{`id="punt_rates.arp-error"`}},
		{"/new/switch", strings.Replace(good, "2001:db8:1::1/64", "nothing", 1) + "&name=etr-2", 422, []string{`id="ports.0.address-error"`, "nothing"}},
		{"/new/switch", good + "&name=etr-2&add=ports", 200, []string{`id="ports.2.id"`, "autofocus"}},
		{"/new/switch", good + "&name=etr-2&punt_rates.arp=7", 303, []string{"/switches/etr-2"}},
		{"/edit/switch/etr-2", good + "&version=VERSION", 303, []string{"/switches/etr-2"}},
		{"/edit/switch/itr", good + "&version=VERSION", 409, []string{"has changed this switch"}},
		{"/delete/switch/etr-2", "version=VERSION", 303, []string{"/switches"}},
	})
}

// TestDeleteSaysWhatItDoes before it is done, or that it cannot be.
func TestDeleteSaysWhatItDoes(t *testing.T) {
	_, f, h := newTest(t)
	walk(t, f, h, inventory.Ref{}, []step{
		{"/new/site", "name=paris&eid_prefixes=10.20.0.0/16&reserved_eids=10.20.255.0/24&rlocs.0.address=192.0.2.20", 303, nil},
		{"/new/switch", "name=itr-2&address=127.0.0.1:9571&site=paris&ports.0.id=1&ports.0.role=local&ports.0.address=10.20.0.1/24", 303, nil},
	})
	if page := html.UnescapeString(get(h, "/delete/switch/itr-2").Body.String()); !strings.Contains(page, "This writes to 1 switch: itr (+1 ~1)") || !strings.Contains(page, "until it is stopped") {
		t.Errorf("the page of a switch does not say what follows: %s", page)
	}
	if page := get(h, "/delete/site/paris").Body.String(); !strings.Contains(page, "in use by switch itr-2") || strings.Contains(page, "<form") {
		t.Errorf("the page of a site in use: %s", page)
	}
}

// TestNoStore: what would not last is not offered, and it is said where to do it.
func TestNoStore(t *testing.T) {
	_, f, h := newTest(t)
	create(t, f, h, "sport", "10.0.0.20")
	f.noStore = true
	for _, path := range []string{"/channels", "/sites", "/switches"} {
		if page := get(h, path).Body.String(); strings.Contains(page, "/new/") || !strings.Contains(page, "this controller has no store") {
			t.Errorf("%s: %s", path, page)
		}
	}
	for _, path := range []string{"/new/site", "/edit/channel/sport", "/delete/channel/sport"} {
		if w := get(h, path); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "SIGHUP") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestOfFile: what the file has is changed there.
func TestOfFile(t *testing.T) {
	_, _, h := newTest(t)
	for _, path := range []string{"/channels/news", "/sites/studio", "/switches/itr"} {
		if page := get(h, path).Body.String(); strings.Contains(page, "/edit/") || !strings.Contains(page, "belongs to the configuration file, at <code>test.yaml:") {
			t.Errorf("%s does not say where it is changed", path)
		}
	}
	for _, path := range []string{"/edit/channel/news", "/edit/site/studio", "/delete/switch/itr"} {
		if w := get(h, path); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "SIGHUP") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestCheck tells what a form would do before it does it.
func TestCheck(t *testing.T) {
	_, f, h := newTest(t)
	for _, tt := range []struct{ kind, form, want string }{
		{"channel", "name=sport&site=studio&ingress=itr+1&source_eid=10.0.0.20", "This writes to 1 switch: itr (+1 ~1)"},
		{"channel", "name=sport&site=studio&source_eid=10.9.0.1", "missing or wrong so far"},
		{"channel", "", "missing or wrong so far"},
		{"site", "name=paris&eid_prefixes=10.20.0.0/16&rlocs.0.address=", "This writes to 1 switch"},
		{"switch", "name=etr-2&site=viewers", "missing or wrong so far"},
	} {
		if w := post(h, "/check/"+tt.kind, tt.form); w.Code != http.StatusOK || !strings.Contains(strings.Join(strings.Fields(html.UnescapeString(w.Body.String())), " "), tt.want) {
			t.Errorf("%s %q: %d %s, want %q", tt.kind, tt.form, w.Code, w.Body, tt.want)
		}
	}
	if c := f.Config(); len(c.Channels) != 1 || len(c.Sites) != 2 || len(c.Switches) != 2 {
		t.Errorf("it made something: %+v", c)
	}
}

// TestFormsAskForAll: no part of a spec is without a field, for a form that is
// sent would take it away.
func TestFormsAskForAll(t *testing.T) {
	kinds := editables()
	for i, spec := range []any{config.Channel{}, config.Site{}, config.Switch{}} {
		asksForAll(t, kinds[i].Name(), kinds[i].Fields, reflect.TypeOf(spec))
	}
}

func asksForAll(t *testing.T, at string, fields []field, spec reflect.Type) {
	t.Helper()
	byName := map[string]*field{}
	for i := range fields {
		byName[fields[i].Name] = &fields[i]
		if rest := fields[i].Rest; rest != "" {
			byName[rest] = &field{Name: rest}
		}
	}
	for i := range spec.NumField() {
		f := spec.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		asked := byName[name]
		switch {
		case name == "name" && strings.Count(at, ".") == 0: // it is in the URL
		case asked == nil:
			t.Errorf("%s has no field for %s", at, name)
		case asked.Input == rowsInput:
			asksForAll(t, at+"."+name, asked.Fields, f.Type.Elem())
		case asked.Input == groupInput:
			asksForAll(t, at+"."+name, asked.Fields, f.Type)
		}
		delete(byName, name)
	}
	for name := range byName {
		t.Errorf("%s asks for %s, which there is not", at, name)
	}
}

// wholeConfig has all that a spec can have.
const wholeConfig = `
sites:
  - { name: studio, instance_id: 7, eid_prefixes: [10.0.0.0/16, "2001:db8:1::/48"], reserved_eids: 10.0.255.0/24, reserved_eids6: "2001:db8:1:ff::/64",
      rlocs: [ { address: 192.0.2.10, priority: 2, weight: 50 }, { address: 192.0.3.10 } ], accept_more_specifics: true, proxy_reply: true, corecast: true,
      accept_streams: any, auth_keys: [ { id: 3, algorithm: hmac-sha1-96, secret_env: HOME } ], allowed_rlocs: [192.0.0.0/16], replay: "off",
      registration_timeout: 5m, max_mappings: 12, streams: [ { source_eid: 10.9.0.10, reserved_eid: 10.9.255.1, delivery: multicast, group: 232.1.1.1, port: 5004 } ] }
switches:
  - { name: itr, address: "127.0.0.1:9559", device_id: 5, target: bmv2, site: studio, punt_rates: { arp: 7, ttl: 9 },
      ports: [ { id: 1, role: local, address: 10.0.0.1/24, addresses: ["2001:db8:1::1/64"], mtu: 1500, channel_rate: 1000, mac: "02:00:00:00:00:01" },
               { id: 2, role: transit, address: 192.0.2.10/24, next_hop: 192.0.2.1 }, { id: 3, role: loop, peer: 4 } ],
      neighbors: [ { address: 10.0.0.10, mac: "02:00:00:00:00:10", port: 1 } ] }
channels:
  - { name: news, site: studio, source_eid: 10.0.0.10, source_eid6: "2001:db8:1::10", ingress: { switch: itr, port: 1 }, rate: 4Mbps, redundancy: 16, fanout: 2000, lists: false }
`

// TestValuesAreTheSpec: a form that is sent as it was shown changes nothing.
func TestValuesAreTheSpec(t *testing.T) {
	cfg, err := config.Decode("whole.yaml", []byte(wholeConfig))
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	kinds := editables()
	for i, spec := range []any{cfg.Channels[0], cfg.Sites[0].WithoutSecrets(), cfg.Switches[0]} {
		values := withoutBlankRows(kinds[i].Fields, valuesOf(kinds[i].Fields, spec))
		got, want := specOf(kinds[i].Fields, values, ""), map[string]any{}
		raw, _ := json.Marshal(got)
		before, _ := json.Marshal(spec)
		for text, into := range map[string]any{string(raw): &got, string(before): &want} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatal(err)
			}
		}
		delete(want, "name")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\nwant %v", kinds[i].Name(), got, want)
		}
	}
}

// FuzzForm: whatever a browser sends is JSON to be checked, and the form with it
// can be shown again.
func FuzzForm(f *testing.F) {
	f.Add("name=sport&site=studio&ingress=itr+1&source_eid=10.0.0.20&redundancy=16&lists=true")
	f.Add("ingress=itr&fanout=-1&rate=\x00&lists=maybe")
	f.Add("ingress=%3Cscript%3E+99999999999999999999&name=%22%3E")
	f.Add("name=paris&rlocs.0.address=1&rlocs.00.address=2&rlocs.-1.address=3&rlocs.999999999999999999999.address=4&rlocs.5=6&rlocs.=7&auth_keys.3.secret=hush")
	f.Add("ports.511.id=1&ports.512.id=2&ports.1.address=,,+,&punt_rates.arp=x&ports=1&remove=ports.511&add=neighbors")
	u, _, h := newTest(f)
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for _, k := range u.kinds {
			raw, err := json.Marshal(specOf(k.Fields, values, ""))
			if err != nil || !json.Valid(raw) {
				t.Fatalf("%q: %s, %v", text, raw, err)
			}
			f := newForm(k, "", withoutBlankRows(k.Fields, values))
			f.lay(u.opts.Source.Config(), "")
			page, err := u.body("form", view{Data: f})
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, text, page)
			if w := post(h, "/check/"+k.Name(), text); w.Code != http.StatusOK {
				t.Fatalf("%q: %d", text, w.Code)
			}
		}
	})
}
