package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit is far more than anything here takes.
const limit = 30 * time.Second

// fakeLog has events with the ids 1, 2, …, of which it keeps those after floor.
type fakeLog struct {
	mu     sync.Mutex
	events []api.Event
	floor  int
	grown  chan struct{}
}

func newLog() *fakeLog { return &fakeLog{grown: make(chan struct{})} }

func (l *fakeLog) add(kinds ...api.EventKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range kinds {
		l.events = append(l.events, api.Event{ID: strconv.Itoa(len(l.events) + 1), Kind: k, Text: "something"})
	}
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *fakeLog) forget(upTo int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.floor = upTo
}

func (l *fakeLog) Read(after string, limit int) ([]api.Event, bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, _ := strconv.Atoi(after)
	from := max(n, l.floor)
	return slices.Clone(l.events[from:min(from+limit, len(l.events))]), after != "" && n < l.floor, l.grown
}

func (l *fakeLog) Last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strconv.Itoa(len(l.events))
}

// receiver is a server that is told; answer says what it answers to ids.
type receiver struct {
	url    string
	answer func(ids []int) int

	mu    sync.Mutex
	posts [][]int // the ids of each delivery that was taken
	told  []webhook.Body
	all   int // deliveries
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{answer: func([]int) int { return 204 }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		text, _ := io.ReadAll(q.Body)
		var body webhook.Body
		if err := json.Unmarshal(text, &body); err != nil || len(body.Events) == 0 || q.Header.Get(webhook.DeliveryHeader) != body.Events[0].ID ||
			!credential.Verify([]byte("secret"), time.Now(), time.Minute, text, q.Header.Get(credential.SignatureHeader)) {
			t.Errorf("%s %v: %v", text, q.Header, err)
		}
		var ids []int
		for _, e := range body.Events {
			id, _ := strconv.Atoi(e.ID)
			ids = append(ids, id)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all++
		status := r.answer(ids)
		if status < 300 {
			r.posts = append(r.posts, ids)
			r.told = append(r.told, body)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// answers has it answer otherwise from now on.
func (r *receiver) answers(f func(ids []int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// ids are those that were taken, in order.
func (r *receiver) ids() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.posts...)
}

// start runs a teller until the function that it returns is called, and at the
// end of the test.
func start(t testing.TB, log webhook.Log, s store.Store, hooks ...webhook.Hook) (*webhook.Teller, func()) {
	teller := webhook.New(webhook.Options{Hooks: hooks, Log: log, Store: s, Pause: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- teller.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return teller, stop
}

func hook(r *receiver, kinds ...api.EventKind) webhook.Hook {
	return webhook.Hook{Name: "pager", URL: r.url, Secret: []byte("secret"), Kinds: kinds}
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// begun waits until a hook has a place to go on from: it is told of what happens
// from then on.
func begun(t testing.TB, s store.Store) {
	t.Helper()
	eventually(t, "a place to go on from", func() bool {
		_, err := s.Get(context.Background(), "webhooks/pager/after")
		return err == nil
	})
}

func upTo(n int) []int {
	var ids []int
	for i := range n {
		ids = append(ids, i+1)
	}
	return ids
}

func TestTellsInOrderAndGoesOnAfterARestart(t *testing.T) {
	log, s, r := newLog(), store.NewMemory(), newReceiver(t)
	log.add(api.Created) // before anybody asked for it
	_, stop := start(t, log, s, hook(r))
	begun(t, s)
	for range 250 {
		log.add(api.Changed)
	}
	eventually(t, "250 events", func() bool { return len(r.ids()) >= 250 })
	stop()
	log.add(api.Deleted, api.Created)
	teller, _ := start(t, log, s, hook(r))
	eventually(t, "2 more", func() bool { return len(r.ids()) >= 252 })
	if got := r.ids(); !slices.Equal(got, upTo(253)[1:]) {
		t.Errorf("told %v", got)
	}
	eventually(t, "2 counted", func() bool { return teller.Counters()["pager"] == webhook.Counters{Delivered: 2} })
}

func TestTellsOfWhatItIsAskedFor(t *testing.T) {
	log, s, r := newLog(), store.NewMemory(), newReceiver(t)
	_, stop := start(t, log, s, hook(r, api.Deleted, api.SwitchPhase))
	begun(t, s)
	for range 1500 {
		log.add(api.Changed)
	}
	log.add(api.Deleted, api.Created, api.SwitchPhase)
	eventually(t, "2 events", func() bool { return len(r.ids()) >= 2 })
	if got := r.ids(); !slices.Equal(got, []int{1501, 1503}) {
		t.Errorf("told %v", got)
	}
	stop()
	// What it need not be told of is not missed later.
	if e, err := s.Get(t.Context(), "webhooks/pager/after"); err != nil || string(e.Value) != "1503" {
		t.Errorf("%s, %v", e.Value, err)
	}
}

// One event that is refused is given up; those around it are told.
func TestGivesUpWhatIsRefused(t *testing.T) {
	log, s, r := newLog(), store.NewMemory(), newReceiver(t)
	r.answers(func(ids []int) int {
		if slices.Contains(ids, 7) {
			return 422
		}
		return 200
	})
	teller, _ := start(t, log, s, hook(r))
	begun(t, s)
	log.add(make([]api.EventKind, 20)...)
	eventually(t, "19 events", func() bool { return len(r.ids()) >= 19 })
	want := slices.DeleteFunc(upTo(20), func(i int) bool { return i == 7 })
	if got := r.ids(); !slices.Equal(got, want) {
		t.Errorf("told %v", got)
	}
	eventually(t, "all counted", func() bool {
		c := teller.Counters()["pager"]
		return c.Dead == 1 && c.Delivered == 19 && c.Failures >= 5
	})
}

// A server that is down is told when it is back; what is gone by then is counted
// and said.
func TestSaysWhatIsGone(t *testing.T) {
	for _, status := range []int{500, 503, 429, 301, 307} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			log, s, r := newLog(), store.NewMemory(), newReceiver(t)
			r.answers(func([]int) int { return 200 })
			_, stop := start(t, log, s, hook(r))
			begun(t, s)
			log.add(api.Created)
			eventually(t, "one", func() bool { return len(r.ids()) == 1 })
			stop()
			r.answers(func([]int) int { return status })
			down, stop := start(t, log, s, hook(r))
			log.add(api.Changed)
			eventually(t, "failures", func() bool { c := down.Counters()["pager"]; return c.Failures > 3 && c.Failing })
			stop()
			log.add(api.Changed, api.Changed)
			log.forget(3)
			r.answers(func([]int) int { return 200 })
			teller, _ := start(t, log, s, hook(r))
			eventually(t, "another", func() bool { return len(r.ids()) == 2 })
			if got := r.ids(); !slices.Equal(got, []int{1, 4}) || r.told[0].Missed || !r.told[1].Missed {
				t.Errorf("told %+v", r.told)
			}
			if c := teller.Counters()["pager"]; c.Missed != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// Of two controllers one tells, and the other goes on when that one stops. A
// hook that hangs holds up no other.
func TestOneOfSeveralTells(t *testing.T) {
	log, s, r := newLog(), store.NewMemory(), newReceiver(t)
	hang := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(stuck.Close)
	t.Cleanup(func() { close(hang) })
	other := webhook.Hook{Name: "stuck", URL: stuck.URL, Secret: []byte("x")}
	_, stop := start(t, log, s, hook(r), other)
	start(t, log, s, hook(r), other)
	begun(t, s)
	log.add(make([]api.EventKind, 30)...)
	eventually(t, "30 events", func() bool { return len(r.ids()) >= 30 })
	stop()
	log.add(make([]api.EventKind, 30)...)
	eventually(t, "60 events", func() bool { return len(r.ids()) >= 60 })
	if got := r.ids(); !slices.Equal(got, upTo(60)) {
		t.Errorf("told %v", got)
	}
}

// Hooks are changed while they are told: one that moves goes on where it was, one
// that is taken out is told no more, and the others do not notice.
func TestOtherHooks(t *testing.T) {
	log, s := newLog(), store.NewMemory()
	before, after, other := newReceiver(t), newReceiver(t), newReceiver(t)
	second := webhook.Hook{Name: "second", URL: other.url, Secret: []byte("secret")}
	teller, _ := start(t, log, s, hook(before), second)
	begun(t, s)
	eventually(t, "the second has a place to go on from", func() bool {
		_, err := s.Get(context.Background(), "webhooks/second/after")
		return err == nil
	})
	log.add(make([]api.EventKind, 3)...)
	eventually(t, "3 events", func() bool { return len(before.ids()) == 3 && len(other.ids()) == 3 })
	before.answers(func([]int) int { return 500 })
	log.add(make([]api.EventKind, 2)...)
	eventually(t, "a failure", func() bool { return teller.Counters()["pager"].Failing })
	teller.Set([]webhook.Hook{hook(after), second})
	eventually(t, "the others, elsewhere", func() bool { return len(after.ids()) == 2 && len(other.ids()) == 5 })
	eventually(t, "counted", func() bool {
		c := teller.Counters()["pager"]
		return c.Delivered == 5 && !c.Failing && c.Failures > 0
	})
	teller.Set([]webhook.Hook{second})
	log.add(make([]api.EventKind, 2)...)
	eventually(t, "2 more of one", func() bool { return len(other.ids()) == 7 })
	if len(teller.Counters()) != 1 {
		t.Errorf("%+v", teller.Counters())
	}
	teller.Set([]webhook.Hook{hook(after), second})
	eventually(t, "2 more of the one that is back", func() bool { return len(after.ids()) == 4 })
	if got := slices.Concat(before.ids(), after.ids()); !slices.Equal(got, upTo(7)) || !slices.Equal(other.ids(), upTo(7)) {
		t.Errorf("told %v, the second %v", got, other.ids())
	}
}

// However a server answers, and whenever the controller is started again, events
// come in order, and each comes or is counted as given up.
func TestAnyAnswers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log, s, r := newLog(), store.NewMemory(), newReceiver(t)
		statuses := rapid.SliceOfN(rapid.SampledFrom([]int{200, 200, 500, 429, 400, 410}), 1, 12).Draw(rt, "statuses")
		n := 0
		r.answers(func([]int) int {
			n++
			if n > len(statuses) {
				return 200
			}
			return statuses[n-1]
		})
		var dead uint64
		total := 0
		for _, burst := range rapid.SliceOfN(rapid.IntRange(1, 150), 1, 3).Draw(rt, "bursts") {
			teller, stop := start(t, log, s, hook(r))
			begun(t, s)
			log.add(make([]api.EventKind, burst)...)
			total += burst
			eventually(t, "all", func() bool {
				return len(r.ids())+int(dead+teller.Counters()["pager"].Dead) >= total
			})
			stop()
			dead += teller.Counters()["pager"].Dead
		}
		ids := r.ids()
		if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) || len(ids)+int(dead) != total {
			rt.Fatalf("%d events, %d given up, told %v", total, dead, ids)
		}
	})
}
