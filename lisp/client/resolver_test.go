package client

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/lisptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	quick = Retry{Attempts: 3, Timeout: 50 * time.Millisecond}
	slow  = Retry{Attempts: 3, Timeout: time.Second} // an answer is never late, on a busy machine either
)

func eid(s string) lisp.EID {
	e, err := lisp.ParseEID(s)
	if err != nil {
		panic(err)
	}
	return e
}

// startScripted runs a Map-Resolver that answers as a test says.
func startScripted(t *testing.T, at string, answers func(*lisptest.Request) [][]byte) netip.AddrPort {
	t.Helper()
	return lisptest.Resolver(t, netip.MustParseAddr(at), func(r *lisptest.Request) [][]byte {
		if len(r.ITRs) != 1 || r.ReplyTo != r.From {
			t.Errorf("it wants answers at %s of %v and came from %s", r.ReplyTo, r.ITRs, r.From)
		}
		return answers(r)
	})
}

func silent(*lisptest.Request) [][]byte { return nil }

func TestLig(t *testing.T) {
	rloc := netip.MustParseAddr("192.0.2.21")
	for _, at := range []string{"127.0.0.1", "::1"} {
		for _, asked := range []string{"10.1.2.3", "10.1.0.0/16", "[7]10.1.2.3", "2001:db8:1::5", "[7]2001:db8:1::/48"} {
			t.Run(at+" "+asked, func(t *testing.T) {
				server := startScripted(t, at, func(m *lisptest.Request) [][]byte {
					got, _ := m.Records[0].Prefix.EID()
					return [][]byte{lisptest.Reply(t, m.Nonce, Mapping(got, rloc))}
				})
				answer, ignored, err := Lig(t.Context(), ResolverConfig{Servers: []netip.AddrPort{server}}, eid(asked))
				if err != nil {
					t.Fatal(err)
				}
				r, ok := answer.Find(eid(asked))
				if !ok || len(r.Locators) != 1 || r.Locators[0].Address.IP != rloc {
					t.Errorf("%+v", answer)
				}
				if answer.From != server || answer.Asked != server || answer.Attempts != 1 || answer.RTT <= 0 || ignored.Total() != 0 {
					t.Errorf("%+v, ignored %+v", answer, ignored)
				}
			})
		}
	}
}

// What does not answer the request is ignored, counted, and does not end the
// waiting.
func TestOnlyTheAnswerIsTaken(t *testing.T) {
	asked, rloc := eid("10.1.2.3"), netip.MustParseAddr("192.0.2.21")
	forged := netip.MustParseAddr("198.51.100.66")
	notify, err := (&lisp.MapNotify{}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	server := startScripted(t, "127.0.0.1", func(m *lisptest.Request) [][]byte {
		good := lisptest.Reply(t, m.Nonce, Mapping(eid("10.1.0.0/16"), rloc))
		return [][]byte{
			nil,
			good[:len(good)-1],
			lisptest.Reply(t, m.Nonce+1, Mapping(asked, forged)),
			lisptest.Reply(t, m.Nonce, Mapping(eid("10.2.0.0/16"), forged)),
			lisptest.Reply(t, m.Nonce, Mapping(eid("[1]10.1.0.0/16"), forged)),
			notify,
			good,
			lisptest.Reply(t, m.Nonce, Mapping(asked, forged)), // too late
		}
	})
	r, err := NewResolver(ResolverConfig{Servers: []netip.AddrPort{server}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	answer, err := r.Request(ctx, asked)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := answer.Find(asked); len(got.Locators) != 1 || got.Locators[0].Address.IP != rloc {
		t.Errorf("took %+v", answer)
	}
	want := Ignored{Malformed: 1, Nonce: 2, EID: 2, Unexpected: 2}
	for end := time.Now().Add(30 * time.Second); r.Ignored() != want && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if r.Ignored() != want {
		t.Errorf("ignored %+v, want %+v", r.Ignored(), want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRequestsAreRepeated(t *testing.T) {
	server := startScripted(t, "127.0.0.1", func(m *lisptest.Request) [][]byte {
		if m.Number < 2 {
			return nil
		}
		return [][]byte{lisptest.Reply(t, m.Nonce, Mapping(eid("10.1.0.0/16")))}
	})
	patient := Retry{Attempts: 100, Timeout: quick.Timeout}
	answer, _, err := Lig(t.Context(), ResolverConfig{Servers: []netip.AddrPort{server}, Retry: patient}, eid("10.1.2.3"))
	if err != nil || answer.Attempts < 3 {
		t.Errorf("%+v, %v", answer, err)
	}
}

// The second Map-Resolver is asked when the first is silent, and first from
// then on.
func TestAnotherServerIsAsked(t *testing.T) {
	mute := startScripted(t, "127.0.0.1", silent)
	server := startScripted(t, "127.0.0.1", func(m *lisptest.Request) [][]byte {
		return [][]byte{lisptest.Reply(t, m.Nonce, Mapping(eid("10.1.0.0/16")))}
	})
	r, err := NewResolver(ResolverConfig{Servers: []netip.AddrPort{mute, server}, Retry: slow})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	for _, attempts := range []int{2, 1} {
		answer, err := r.Request(ctx, eid("10.1.2.3"))
		if err != nil || answer.Asked != server || answer.Attempts != attempts {
			t.Errorf("%+v, %v: want %s at attempt %d", answer, err, server, attempts)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithoutAnswer(t *testing.T) {
	mute := startScripted(t, "127.0.0.1", silent)
	_, _, err := Lig(t.Context(), ResolverConfig{Servers: []netip.AddrPort{mute}, Retry: quick}, eid("10.1.2.3"))
	if !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), mute.String()) || !strings.Contains(err.Error(), "10.1.2.3/32") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, _, err = Lig(ctx, ResolverConfig{Servers: []netip.AddrPort{mute}}, eid("10.1.2.3"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, _, err = Lig(t.Context(), ResolverConfig{}, eid("10.1.2.3")); err == nil {
		t.Error("asks nobody")
	}
}

func TestOpenRequestsAreBounded(t *testing.T) {
	mute := startScripted(t, "127.0.0.1", silent)
	r, err := NewResolver(ResolverConfig{Servers: []netip.AddrPort{mute}, MaxOpen: 2, Retry: quick})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() { _, err := r.Request(t.Context(), eid("10.1.2.3")); errs <- err }()
	}
	busy := 0
	for range cap(errs) {
		if errors.Is(<-errs, ErrBusy) {
			busy++
		}
	}
	if busy == 0 || len(r.exchanges.open) != 0 {
		t.Errorf("%d were refused, %d are still open", busy, len(r.exchanges.open))
	}
}

func TestCloseEndsRun(t *testing.T) {
	r, err := NewResolver(ResolverConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:4342")}})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := r.Run(t.Context()); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
