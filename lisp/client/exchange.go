package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/lisp"
)

// Why a request has no answer.
var (
	// ErrNoAnswer: nobody answered any attempt.
	ErrNoAnswer = errors.New("no answer: is a Map-Resolver there, and can its answer reach us?")
	// ErrBusy: as many requests as are allowed are open already.
	ErrBusy = errors.New("too many requests are open")
)

// Retry says how often a message is sent, and how long each attempt waits.
type Retry struct {
	Attempts int           // 0 means 3
	Timeout  time.Duration // of the first attempt, twice as long for each that follows; 0 means 1s
}

const (
	defaultAttempts = 3
	maxAttempts     = 16
	defaultTimeout  = time.Second
	maxTimeout      = 30 * time.Second
)

func (r Retry) attempts() int {
	if r.Attempts <= 0 {
		return defaultAttempts
	}
	return min(r.Attempts, maxAttempts)
}

// timeout is how long attempt i, from 0, waits.
func (r Retry) timeout(i int) time.Duration {
	first := r.Timeout
	if first <= 0 {
		first = defaultTimeout
	}
	return min(first<<i, maxTimeout)
}

// exchange is a Map-Request that waits for its answer.
type exchange struct {
	eid      lisp.EID
	attempts []attempt
	answer   chan Answer // one goes in
}

type attempt struct {
	nonce uint64
	asked netip.AddrPort
	sent  time.Time
}

// exchanges are the requests that are open.
type exchanges struct {
	limit int // attempts open at once

	mu   sync.Mutex // guards open, and the attempts of the exchanges in it
	open map[uint64]*exchange
}

func newExchanges(limit int) *exchanges {
	return &exchanges{limit: limit, open: map[uint64]*exchange{}}
}

// way says whom attempt i of a request goes to, and how to send it.
type way func(i int) (to netip.AddrPort, send func(nonce uint64) error)

// do sends a request until it is answered, each attempt with a nonce of its own.
func (x *exchanges) do(ctx context.Context, eid lisp.EID, retry Retry, way way) (Answer, error) {
	return x.doWith(ctx, 0, eid, retry, way)
}

// doWith is do, with this nonce for all attempts unless it is 0.
func (x *exchanges) doWith(ctx context.Context, fixed uint64, eid lisp.EID, retry Retry, way way) (Answer, error) {
	e := &exchange{eid: eid, answer: make(chan Answer, 1)}
	defer x.close(e)
	var to netip.AddrPort
	failure := ErrNoAnswer
	for i := range retry.attempts() {
		nonce := fixed
		if nonce == 0 {
			nonce = newNonce()
		}
		var send func(uint64) error
		to, send = way(i)
		if err := x.openAttempt(e, attempt{nonce: nonce, asked: to, sent: time.Now()}); err != nil {
			return Answer{}, fmt.Errorf("Map-Request for %s: %w", eid, err)
		}
		if err := send(nonce); err != nil {
			failure = err // the next attempt may go another way
			continue
		}
		switch answer, err := e.wait(ctx, retry.timeout(i)); {
		case err == nil:
			return answer, nil
		case !errors.Is(err, ErrNoAnswer):
			return Answer{}, fmt.Errorf("Map-Request for %s to %s: %w", eid, to, err)
		}
	}
	return Answer{}, fmt.Errorf("Map-Request for %s to %s, %d attempts: %w", eid, to, retry.attempts(), failure)
}

func (e *exchange) wait(ctx context.Context, timeout time.Duration) (Answer, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case a := <-e.answer:
		return a, nil
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	case <-timer.C:
		return Answer{}, ErrNoAnswer
	}
}

func (x *exchanges) openAttempt(e *exchange, a attempt) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.open) >= x.limit {
		return fmt.Errorf("%w: %d", ErrBusy, x.limit)
	}
	x.open[a.nonce] = e
	e.attempts = append(e.attempts, a)
	return nil
}

// asked returns what the open request with this nonce asks for.
func (x *exchanges) asked(nonce uint64) (lisp.EID, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.open[nonce]
	if !ok {
		return lisp.EID{}, false
	}
	return e.eid, true
}

func (x *exchanges) close(e *exchange) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range e.attempts {
		delete(x.open, a.nonce)
	}
}

// deliver gives a Map-Reply, or a Map-Notify, to the request that it answers,
// and returns its records, copied, or why they are not taken.
func (x *exchanges) deliver(from netip.AddrPort, nonce uint64, records []lisp.Record, notified bool) ([]lisp.Record, ignored) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.open[nonce]
	if !ok {
		return nil, ignoredNonce
	}
	if !about(records, e.eid) {
		return nil, ignoredEID
	}
	answer := Answer{Records: cloneRecords(records), From: from, Attempts: len(e.attempts), Notified: notified}
	for _, a := range e.attempts {
		delete(x.open, a.nonce)
		if a.nonce == nonce {
			answer.RTT, answer.Asked = time.Since(a.sent), a.asked
		}
	}
	e.answer <- answer // the only one: its nonces are gone
	return answer.Records, taken
}

// newNonce returns a nonce that nobody can guess.
func newNonce() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
