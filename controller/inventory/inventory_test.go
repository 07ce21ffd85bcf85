package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

const testFile = `
listen: { http: "127.0.0.1:8080" }
switches:
  - { name: itr1, address: "127.0.0.1:9559", device_id: 1, site: studio, ports: [ { id: 1, role: local, address: 10.0.0.1/24 } ] }
sites:
  - { name: studio, eid_prefixes: [10.0.0.0/16], reserved_eids: 10.0.255.0/24, rlocs: [ { address: 192.0.2.10 } ], corecast: true }
`

func decodeFile(t testing.TB, text string) *config.Config {
	t.Helper()
	cfg, err := config.Decode("c.yaml", []byte(strings.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// world is an inventory of a test with what it applied.
type world struct {
	*Inventory
	t     testing.TB
	store store.Store
	log   *eventlog.Log
	stop  func() // ends the inventory; the store stays

	mu      sync.Mutex // guards what follows
	applied *config.Config
	fail    error
}

// start opens an inventory and runs it until the test ends or it is stopped.
func start(t testing.TB, s store.Store, file string) *world {
	t.Helper()
	log, err := eventlog.Open(context.Background(), s, eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, log: log}
	w.Inventory, err = Open(context.Background(), decodeFile(t, file), Options{Store: s, Durable: true, Log: log, Apply: w.apply, ApplyChannels: w.applyChannels})
	if err != nil {
		t.Fatal(err)
	}
	w.applied = w.Config()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = log.Run(ctx) })
	wg.Go(func() { _ = w.Run(ctx) })
	w.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(w.stop)
	return w
}

func (w *world) apply(cfg *config.Config) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail == nil {
		w.applied = cfg
	}
	return w.fail
}

func (w *world) applyChannels(set []config.Channel, remove []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	channels := slices.DeleteFunc(slices.Clone(w.applied.Channels), func(ch config.Channel) bool {
		return slices.Contains(remove, ch.Name) || slices.ContainsFunc(set, func(s config.Channel) bool { return s.Name == ch.Name })
	})
	w.applied = w.applied.WithChannels(append(channels, set...))
	return nil
}

// used is what was applied last, once all is.
func (w *world) used() *config.Config {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Flush(ctx); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	byName := func(x, y config.Channel) int { return strings.Compare(x.Name, y.Name) }
	got, want := slices.SortedFunc(slices.Values(w.applied.Channels), byName), slices.SortedFunc(slices.Values(w.Config().Channels), byName)
	if !slices.Equal(got, want) {
		w.t.Fatalf("applied are channels %+v, want %+v", got, want)
	}
	return w.applied
}

func memory(t testing.TB) store.Store {
	s := store.NewMemory()
	t.Cleanup(func() { s.Close() })
	return s
}

// do makes a change that must work.
func (w *world) do(op Op, ref Ref, body string) Result {
	w.t.Helper()
	r, err := w.Do(context.Background(), Change{Ref: ref, Op: op, Body: []byte(body), Who: "tester"})
	if err != nil {
		w.t.Fatalf("%s %s %s: %v", op, ref, body, err)
	}
	return r
}

// refuse makes a change that must not work, for a reason.
func (w *world) refuse(c Change, want string) error {
	w.t.Helper()
	before, _ := w.store.Get(context.Background(), generationKey)
	_, err := w.Do(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), want) {
		w.t.Errorf("%s %s %s: %v\nwant %s", c.Op, c.Ref, c.Body, err, want)
	}
	if after, _ := w.store.Get(context.Background(), generationKey); after.Modified != before.Modified {
		w.t.Errorf("%s %s is refused, and stored", c.Op, c.Ref)
	}
	return err
}

var (
	news   = Ref{Channel, "news"}
	sport  = Ref{Channel, "sport"}
	paris  = Ref{Site, "paris"}
	studio = Ref{Site, "studio"}
	etr1   = Ref{Switch, "etr1"}
	itr1   = Ref{Switch, "itr1"}
)

const (
	newsBody  = `{"site":"studio","source_eid":"10.0.0.10","ingress":{"switch":"itr1","port":1},"rate":"4Mbps"}`
	sportBody = `{"site":"studio","source_eid":"10.0.0.11","ingress":{"switch":"itr1","port":1}}`
	parisBody = `{"eid_prefixes":["10.1.0.0/16"],"rlocs":[{"address":"192.0.2.21"}],"corecast":true,
		"auth_keys":[{"id":1,"algorithm":"hmac-sha256-128","secret":"do not tell"}]}`
	etr1Body = `{"address":"127.0.0.1:9560","site":"paris","ports":[{"id":1,"role":"local","address":"10.1.0.1/24"}]}`
)

// TestLife makes, reads, changes and deletes objects, and restarts in between.
func TestLife(t *testing.T) {
	path := "file:" + filepath.Join(t.TempDir(), "db")
	open := func() store.Store {
		s, err := store.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	w := start(t, s, testFile)
	w.do(Put, paris, parisBody)
	w.do(Put, etr1, etr1Body)
	r := w.do(Put, news, newsBody)
	if ch := r.After.Spec.(config.Channel); r.Did != Created || ch.ReservedEID.String() != "10.0.255.1" || ch.Lists != config.Yes || ch.Name != "news" {
		t.Errorf("%s %+v", r.Did, ch)
	}
	if cfg := w.used(); len(cfg.Sites) != 2 || len(cfg.Switches) != 2 || len(cfg.Channels) != 1 || string(cfg.Sites[1].AuthKeys[0].Secret) != "do not tell" {
		t.Errorf("%+v", cfg)
	}
	r = w.do(Patch, news, `{"rate":"6Mbps","redundancy":16}`)
	if ch := r.After.Spec.(config.Channel); r.Did != Changed || ch.Rate != 6e6 || ch.Redundancy != 16 || ch.SourceEID.String() != "10.0.0.10" {
		t.Errorf("%s %+v", r.Did, ch)
	}
	version := r.After.Version

	w.stop()
	s.Close()
	s = open()
	defer s.Close()
	w = start(t, s, testFile)
	o, ok := w.Get(news)
	if !ok || o.Version != version || o.By != "tester" || o.Changed.IsZero() || o.Spec.(config.Channel).Rate != 6e6 {
		t.Errorf("after a restart: %+v", o)
	}
	if cfg := w.Config(); len(cfg.Sites) != 2 || len(cfg.Switches) != 2 || len(cfg.Channels) != 1 || string(cfg.Sites[1].AuthKeys[0].Secret) != "do not tell" {
		t.Errorf("after a restart: %+v", cfg)
	}
	// The same again changes nothing, reserved EID included.
	if r := w.do(Put, news, `{"site":"studio","source_eid":"10.0.0.10","ingress":{"switch":"itr1","port":1},"rate":"6Mbps","redundancy":16}`); r.Did != Unchanged || r.After.Version != version {
		t.Errorf("%s %+v", r.Did, r.After)
	}
	w.do(Delete, news, "")
	w.do(Delete, etr1, "")
	w.do(Delete, paris, "")
	if cfg := w.used(); len(cfg.Sites) != 1 || len(cfg.Switches) != 1 || len(cfg.Channels) != 0 {
		t.Errorf("%+v", cfg)
	}
	if _, ok := w.Get(news); ok {
		t.Error("news is still there")
	}
	w.stop()
}

// TestRefused gives what cannot be, each time saying what would be right.
func TestRefused(t *testing.T) {
	w := start(t, memory(t), testFile)
	w.do(Put, paris, parisBody)
	w.do(Put, etr1, etr1Body)
	created := w.do(Put, news, newsBody)
	for _, tt := range []struct {
		change Change
		want   string
	}{
		{Change{Ref: studio, Op: Put, Body: []byte(parisBody)}, "site studio belongs to the configuration file, at c.yaml:5: change it there"},
		{Change{Ref: itr1, Op: Delete}, "switch itr1 belongs to the configuration file, at c.yaml:3"},
		{Change{Ref: sport, Op: Patch, Body: []byte(`{}`)}, `no channel "sport": use news`},
		{Change{Ref: Ref{Channel, "nesw"}, Op: Delete}, `no channel "nesw": did you mean news?`},
		{Change{Ref: paris, Op: Delete}, "site paris is in use by switch etr1: delete or change these first"},
		{Change{Ref: news, Op: Put, Body: []byte(newsBody), IfNoneMatch: []string{"*"}}, "channel news exists already"},
		{Change{Ref: news, Op: Delete, IfMatch: []string{"7"}}, "channel news has changed: its version is " + created.After.Version},
		{Change{Ref: sport, Op: Put, Body: []byte(sportBody), IfMatch: []string{"*"}}, "channel sport does not exist: leave out If-Match"},
		{Change{Ref: sport, Op: Put, Body: []byte(strings.Replace(sportBody, "{", `{"reserved_eid":"10.0.255.1",`, 1))},
			"reserved_eid: 10.0.255.1 is the reserved EID of channel news too; give each channel its own, or omit it"},
		{Change{Ref: sport, Op: Put, Body: []byte(strings.Replace(sportBody, "{", `{"reserved_eid":"10.0.254.1",`, 1))},
			"reserved_eid: 10.0.254.1 is outside reserved_eids 10.0.255.0/24 of site studio"},
		{Change{Ref: sport, Op: Put, Body: []byte(strings.Replace(sportBody, "studio", "studoi", 1))}, `site: no site "studoi"; did you mean studio?`},
		{Change{Ref: sport, Op: Put, Body: []byte(`{"name":"sprot"}`)}, `name: "sprot" is not the name in the path, sport`},
		{Change{Ref: Ref{Channel, "No Name"}, Op: Put, Body: []byte(sportBody)}, `name: "No Name" is not a usable name`},
		{Change{Ref: news, Op: Patch, Body: []byte(`{"redundanzy":1}`)}, `redundanzy: unknown key "redundanzy"; did you mean redundancy?`},
		{Change{Ref: news, Op: Patch, Body: []byte(`{"site":null}`)}, `site: no site ""`},
		{Change{Ref: news, Op: Patch, Body: []byte(`[]`)}, "is no object"},
		{Change{Ref: news, Op: Patch, Body: []byte(`{`)}, "is not valid JSON"},
		{Change{Ref: Ref{Site, "rome"}, Op: Put, Body: []byte(`{"eid_prefixes":["10.1.2.0/24"],"rlocs":[{"address":"192.0.2.21"}]}`)},
			"rlocs[0].address: 192.0.2.21 is an RLOC of site paris rlocs[0] too; an RLOC belongs to one site"},
		{Change{Ref: Ref{Site, "rome"}, Op: Put, Body: []byte(`{"eid_prefixes":["10.1.2.0/24"]}`)}, "eid_prefixes[0]: 10.1.2.0/24 overlaps 10.1.0.0/16 of site paris"},
		{Change{Ref: Ref{Site, "rome"}, Op: Put, Body: []byte(`{"eid_prefixes":["192.0.2.0/24"]}`)}, "would be wrong: 192.0.2.10 lies in EID prefix 192.0.2.0/24 of site rome"},
		{Change{Ref: paris, Op: Patch, Body: []byte(`{"eid_prefixes":["10.2.0.0/16"],"reserved_eids":"10.1.0.0/24"}`)}, "reserved_eids: 10.1.0.0/24 is not a part"},
		{Change{Ref: Ref{Site, "rome"}, Op: Put, Body: []byte(`{"eid_prefixes":["10.7.0.0/16"],"auth_keys":[{"id":1,"algorithm":"hmac-sha256-128"}]}`)}, "auth_keys[0]: has no secret"},
		{Change{Ref: Ref{Site, "rome"}, Op: Put, Body: []byte(`{"eid_prefixes":["10.7.0.0/16"],"auth_keys":[{"id":1,"algorithm":"hmac-sha256-128","secret":"a","secret_env":"B"}]}`)}, "has both secret and secret_env"},
		{Change{Ref: Ref{Switch, "etr2"}, Op: Put, Body: []byte(etr1Body)}, "127.0.0.1:9560 device_id 1 is switch etr1 too"},
	} {
		w.refuse(tt.change, tt.want)
	}
	if cfg := w.used(); len(cfg.Sites) != 2 || len(cfg.Switches) != 2 || len(cfg.Channels) != 1 {
		t.Errorf("%+v", cfg)
	}
}

// A file that needs a stored object, or the other way round.
func TestFileAndStore(t *testing.T) {
	s := memory(t)
	w := start(t, s, testFile)
	w.do(Put, paris, parisBody)
	w.do(Put, news, newsBody)
	version := func(ref Ref) string { o, _ := w.Get(ref); return o.Version }
	newsVersion := version(news)
	last := w.next(w.next(eventlog.ID{}).ID).ID

	more := testFile + "  - { name: rome, eid_prefixes: [10.5.0.0/16] }\n"
	if err := w.SetFile(t.Context(), decodeFile(t, more)); err != nil {
		t.Fatal(err)
	}
	if cfg := w.used(); len(cfg.Sites) != 3 || version(news) != newsVersion {
		t.Errorf("%+v", cfg)
	}
	if e := w.next(last); e.Text != "site rome created by file:c.yaml" || e.Kind != Created {
		t.Errorf("%+v", e)
	}
	for _, tt := range []struct{ file, want string }{
		{strings.ReplaceAll(testFile, "studio", "other"), "channel news, which was made over REST, would be wrong: site: no site \"studio\""},
		{testFile + "  - { name: paris, eid_prefixes: [10.5.0.0/16] }\n", "site paris, at c.yaml:6, was made over REST already"},
		{testFile + "  - { name: rome, eid_prefixes: [10.1.5.0/24] }\n", "site paris, which was made over REST, would be wrong: eid_prefixes[0]: 10.1.0.0/16 overlaps 10.1.5.0/24 of site rome"},
	} {
		if err := w.SetFile(t.Context(), decodeFile(t, tt.file)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v\nwant %s", err, tt.want)
		}
	}
	if cfg := w.used(); len(cfg.Sites) != 3 {
		t.Errorf("%+v", cfg)
	}
	w.stop()

	// At a start the file is right, and nothing is lost.
	w = start(t, s, testFile+"  - { name: rome, eid_prefixes: [10.1.5.0/24] }\n")
	o, ok := w.Get(paris)
	if !ok || !strings.Contains(o.Unused, "10.1.0.0/16 overlaps 10.1.5.0/24 of site rome") || len(w.Config().Sites) != 2 {
		t.Errorf("%+v", o)
	}
	w.do(Patch, paris, `{"eid_prefixes":["10.2.0.0/16"]}`)
	if o, _ := w.Get(paris); o.Unused != "" || len(w.used().Sites) != 3 {
		t.Errorf("%+v", o)
	}
	w.stop()
	w = start(t, s, testFile+"  - { name: paris, eid_prefixes: [10.8.0.0/16] }\n")
	if o, _ := w.Get(paris); o.File != "c.yaml:6" || len(w.Warnings()) != 1 || !strings.Contains(w.Warnings()[0], "site paris was made over REST too") {
		t.Errorf("%+v %q", o, w.Warnings())
	}
	if err := w.SetFile(t.Context(), decodeFile(t, testFile)); err != nil {
		t.Fatal(err)
	}
	if o, _ := w.Get(paris); o.File != "" || o.Unused != "" || o.Spec.(config.Site).EIDPrefixes[0] != netip.MustParsePrefix("10.2.0.0/16") {
		t.Errorf("the file has let paris go: %+v", o)
	}
}

// next waits for the first event after an id.
func (w *world) next(after eventlog.ID) eventlog.Entry {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		events, _, grown := w.log.Read(after, 1)
		if len(events) > 0 {
			return events[0]
		}
		select {
		case <-grown:
		case <-deadline:
			w.t.Fatal("no event came")
		}
	}
}

// TestAudit: every change has an event, which has no secret.
func TestAudit(t *testing.T) {
	w := start(t, memory(t), testFile)
	last := eventlog.ID{}
	for _, step := range []struct {
		op         Op
		ref        Ref
		body, text string
	}{
		{Put, paris, parisBody, "site paris created by tester"},
		{Patch, paris, `{"auth_keys":[{"id":1,"algorithm":"hmac-sha256-128","secret":"another one"}]}`, "site paris changed by tester: auth_keys"},
		{Put, news, newsBody, "channel news created by tester"},
		{Patch, news, `{"rate":null,"lists":false}`, "channel news changed by tester: lists, rate"},
		{Delete, news, "", "channel news deleted by tester"},
	} {
		w.do(step.op, step.ref, step.body)
		e := w.next(last)
		last = e.ID
		if e.Text != step.text || e.Who != "tester" || *e.Object != (eventlog.Object{Kind: string(step.ref.Kind), Name: step.ref.Name}) {
			t.Errorf("%+v\nwant %s", e, step.text)
		}
		if (e.Before == nil) != (e.Kind == Created) || (e.After == nil) != (e.Kind == Deleted) {
			t.Errorf("%s: %s → %s", e.Kind, e.Before, e.After)
		}
		if all := string(e.Before) + string(e.After) + e.Text; strings.Contains(all, "do not tell") || strings.Contains(all, "another one") {
			t.Errorf("a secret is told: %s", all)
		}
	}
}

// A key that is written without its secret keeps it.
func TestSecretsAreKept(t *testing.T) {
	w := start(t, memory(t), testFile)
	w.do(Put, paris, parisBody)
	o, _ := w.Get(paris)
	if k := o.Spec.(config.Site).AuthKeys[0]; k.Secret != "" || k.ID != 1 {
		t.Errorf("%#v", k)
	}
	w.do(Patch, paris, `{"proxy_reply":true}`)
	w.do(Put, paris, `{"eid_prefixes":["10.1.0.0/16"],"auth_keys":[{"id":1,"algorithm":"hmac-sha256-128"},{"id":2,"algorithm":"hmac-sha1-96","secret":"new"}]}`)
	keys := w.used().Sites[1].AuthKeys
	if string(keys[0].Secret) != "do not tell" || string(keys[1].Secret) != "new" {
		t.Errorf("%q %q", string(keys[0].Secret), string(keys[1].Secret))
	}
	w.refuse(Change{Ref: paris, Op: Patch, Body: []byte(`{"auth_keys":[{"id":3,"algorithm":"hmac-sha1-96"}]}`)}, "has no secret")
}

// The reserved EIDs of channels in the file are those that were chosen first.
func TestAllocationsLast(t *testing.T) {
	s := memory(t)
	w := start(t, s, testFile+"channels:\n  - { name: b, site: studio, source_eid: 10.0.0.10, ingress: { switch: itr1, port: 1 } }\n")
	w.do(Put, news, newsBody)
	w.stop()
	w = start(t, s, testFile+`channels:
  - { name: a, site: studio, source_eid: 10.0.0.10, ingress: { switch: itr1, port: 1 } }
  - { name: b, site: studio, source_eid: 10.0.0.10, ingress: { switch: itr1, port: 1 } }
`)
	got := ""
	for _, ch := range w.Config().Channels {
		got += ch.Name + " " + ch.ReservedEID.String() + "; "
	}
	if got != "a 10.0.255.3; b 10.0.255.1; news 10.0.255.2; " {
		t.Errorf("%s", got)
	}
}

// Two controllers write at the same time: each sees all, no reserved EID is
// given twice, and nothing that was acknowledged is lost.
func TestTwoControllers(t *testing.T) {
	s := memory(t)
	a, b := start(t, s, testFile), start(t, s, testFile)
	const each = 40
	var wg sync.WaitGroup
	for i := range each {
		for name, w := range map[string]*world{"a": a, "b": b} {
			wg.Go(func() {
				c := Change{Ref: Ref{Channel, fmt.Sprintf("%s%d", name, i)}, Op: Put, Body: []byte(newsBody), Who: name}
				if _, err := w.Do(context.Background(), c); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	deadline := time.Now().Add(patience)
	for _, w := range []*world{a, b} {
		for len(w.Names(Channel)) < 2*each && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		seen := map[netip.Addr]string{}
		for _, ch := range w.Config().Channels {
			if other, dup := seen[ch.ReservedEID]; dup {
				t.Errorf("%s and %s both have %v", ch.Name, other, ch.ReservedEID)
			}
			seen[ch.ReservedEID] = ch.Name
		}
		if len(seen) != 2*each {
			t.Errorf("%d channels", len(seen))
		}
	}
	// A site of one is a site for the other.
	a.do(Put, paris, parisBody)
	for _, ok := b.Get(paris); !ok && time.Now().Before(deadline); _, ok = b.Get(paris) {
		time.Sleep(time.Millisecond)
	}
	b.do(Put, etr1, etr1Body)
	a.do(Delete, Ref{Channel, "a0"}, "")
	for _, ok := b.Get(Ref{Channel, "a0"}); ok && time.Now().Before(deadline); _, ok = b.Get(Ref{Channel, "a0"}) {
		time.Sleep(time.Millisecond)
	}
	if len(b.used().Channels) != 2*each-1 || len(b.used().Switches) != 2 {
		t.Errorf("%d channels, %d switches", len(b.used().Channels), len(b.used().Switches))
	}
}

// failing is a store that fails to commit.
type failing struct {
	store.Store
	mu  sync.Mutex // guards err
	err error
}

func (f *failing) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.Store.Commit(ctx, txn)
}

func (f *failing) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// What cannot be stored did not happen.
func TestStoreFails(t *testing.T) {
	s := &failing{Store: memory(t)}
	w := start(t, s, testFile)
	s.set(errors.New("no space left on device"))
	for _, ref := range []Ref{news, sport} {
		err := w.refuse(Change{Ref: ref, Op: Put, Body: []byte(newsBody)}, "the store cannot be written now: no space left on device")
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if w.Failure() == nil {
			t.Error("the store works, it says")
		}
	}
	s.set(nil)
	for deadline := time.Now().Add(patience); w.Failure() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still failing: %v", w.Failure())
		}
	}
	if r := w.do(Put, sport, sportBody); r.After.Spec.(config.Channel).ReservedEID.String() != "10.0.255.1" {
		t.Errorf("%+v", r.After.Spec)
	}
	s.set(errors.New("no space left on device"))
	w.refuse(Change{Ref: sport, Op: Delete}, "no space")
	s.set(nil)
	if r := w.do(Put, news, newsBody); r.After.Spec.(config.Channel).ReservedEID.String() != "10.0.255.2" {
		t.Errorf("%+v", r.After.Spec)
	}
}

// What the store has and nobody understands is told, and can be made again.
func TestDamagedObjects(t *testing.T) {
	s := memory(t)
	w := start(t, s, testFile)
	w.do(Put, news, newsBody)
	w.do(Put, paris, parisBody)
	damage := func(ref Ref) {
		if _, err := s.Commit(t.Context(), store.Txn{Then: []store.Op{{Key: ref.key(), Value: []byte(`{"spec":{"site":}`)}}}); err != nil {
			t.Fatal(err)
		}
	}
	unread := func(want ...Ref) {
		t.Helper()
		var got []Ref
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			got = nil
			for _, o := range w.Unread() {
				got = append(got, o.Ref)
				if o.Unused == "" {
					t.Errorf("%s: why?", o)
				}
			}
			if slices.Equal(got, want) {
				return
			}
		}
		t.Fatalf("unread are %v, want %v", got, want)
	}
	damage(news)
	damage(paris)
	unread(news, paris)
	if _, there := w.Get(news); there {
		t.Error("what cannot be read is in use")
	}
	w.stop()
	w = start(t, s, testFile)
	unread(news, paris)
	w.do(Put, news, newsBody)
	unread(paris)
	if cfg := w.used(); len(cfg.Channels) != 1 {
		t.Errorf("%+v", cfg.Channels)
	}
	w.do(Put, paris, parisBody)
	unread()
}

func TestNotDurable(t *testing.T) {
	w := start(t, memory(t), testFile)
	w.opts.Durable = false
	if _, err := w.Do(t.Context(), Change{Ref: news, Op: Put, Body: []byte(newsBody)}); !errors.Is(err, ErrNotDurable) {
		t.Errorf("%v", err)
	}
	if r, err := w.Preview(t.Context(), Change{Ref: news, Op: Put, Body: []byte(newsBody)}); err != nil || r.Did != Created {
		t.Errorf("%v", err)
	}
}

// TestPreview: nothing comes of it.
func TestPreview(t *testing.T) {
	w := start(t, memory(t), testFile)
	w.do(Put, news, newsBody)
	for _, tt := range []struct {
		c        Change
		did      string
		channels int
		sites    int
	}{
		{Change{Ref: sport, Op: Put, Body: []byte(sportBody)}, Created, 2, 1},
		{Change{Ref: news, Op: Patch, Body: []byte(`{"redundancy":3}`)}, Changed, 1, 1},
		{Change{Ref: news, Op: Patch, Body: []byte(`{}`)}, Unchanged, 1, 1},
		{Change{Ref: news, Op: Delete}, Deleted, 0, 1},
		{Change{Ref: paris, Op: Put, Body: []byte(parisBody)}, Created, 1, 2},
	} {
		r, err := w.Preview(t.Context(), tt.c)
		if err != nil || r.Did != tt.did || len(r.Config.Channels) != tt.channels || len(r.Config.Sites) != tt.sites {
			t.Errorf("%s %s: %+v, %v", tt.c.Op, tt.c.Ref, r, err)
		}
	}
	if cfg := w.used(); len(cfg.Channels) != 1 || len(cfg.Sites) != 1 || cfg.Channels[0].Redundancy != 0 {
		t.Errorf("%+v", cfg)
	}
	if r := w.do(Put, sport, sportBody); r.After.Spec.(config.Channel).ReservedEID.String() != "10.0.255.2" {
		t.Errorf("%+v", r.After.Spec)
	}
}

func TestApplyFails(t *testing.T) {
	w := start(t, memory(t), testFile)
	w.mu.Lock()
	w.fail = errors.New("cannot")
	w.mu.Unlock()
	w.do(Put, news, newsBody)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.Flush(ctx); err == nil || w.Problem() == nil {
		t.Errorf("%v, %v", err, w.Problem())
	}
}

func TestList(t *testing.T) {
	w := start(t, memory(t), testFile)
	for i := range 5 {
		w.do(Put, Ref{Channel, fmt.Sprint("c", i)}, newsBody)
	}
	names := func(objects []Object, more bool) string {
		text := ""
		for _, o := range objects {
			text += o.Name + " "
		}
		return fmt.Sprint(text, more)
	}
	odd := func(o *Object) bool { return strings.ContainsAny(o.Name, "13") }
	for _, tt := range []struct{ got, want string }{
		{names(w.List(Channel, "", 10, nil)), "c0 c1 c2 c3 c4 false"},
		{names(w.List(Channel, "", 2, nil)), "c0 c1 true"},
		{names(w.List(Channel, "c1", 2, nil)), "c2 c3 true"},
		{names(w.List(Channel, "c15", 3, nil)), "c2 c3 c4 false"},
		{names(w.List(Channel, "", 2, odd)), "c1 c3 false"},
		{names(w.List(Channel, "", 1, odd)), "c1 true"},
		{names(w.List(Site, "", 10, nil)), "studio false"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
}

// The test cases of RFC 7396, appendix A, that have objects as targets.
func TestMerge(t *testing.T) {
	for _, tt := range []struct{ target, patch, want string }{
		{`{"redundancy":3}`, `{"redundancy":4}`, "4"},
		{`{"redundancy":3}`, `{}`, "3"},
		{`{"redundancy":3}`, `{"redundancy":null}`, "0"},
		{`{"ingress":{"switch":"a","port":3}}`, `{"ingress":{"switch":"b"}}`, "b 3"},
	} {
		spec, err := decode(Channel, []byte(tt.target))
		if err != nil {
			t.Fatal(err)
		}
		body, err := patched(spec, []byte(tt.patch))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := unmarshal[config.Channel](body)
		ch := got.(config.Channel)
		if text := fmt.Sprint(ch.Redundancy); text != tt.want && fmt.Sprint(ch.Ingress.Switch, " ", ch.Ingress.Port) != tt.want {
			t.Errorf("%s patched by %s: %s", tt.target, tt.patch, body)
		}
	}
}
