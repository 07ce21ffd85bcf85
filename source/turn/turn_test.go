package turn_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corecast/corecast/source/turn"
	"github.com/corecast/corecast/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "source/channels/news/active"

// slow is a store whose renewals hang, as those of a process that is cut off
// from it, or stopped.
type slow struct {
	store.Store
	hangs atomic.Bool
}

func (s *slow) Renew(ctx context.Context, id store.LeaseID) error {
	if s.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.Renew(ctx, id)
}

func try(t *testing.T, s store.Store) *turn.Turn {
	t.Helper()
	mine, err := turn.Try(t.Context(), s, key, []byte("a"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return mine
}

// One has the turn as long as it renews; the next gets it when it resigns.
func TestOneAtATime(t *testing.T) { synctest.Test(t, testOneAtATime) }

func testOneAtATime(t *testing.T) {
	s := store.NewMemory()
	defer s.Close()
	first := try(t, s)
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error)
	go func() { kept <- first.Keep(ctx) }()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := turn.Try(t.Context(), s, key, []byte("b"), time.Second); !errors.Is(err, turn.ErrTaken) {
			t.Fatalf("a second one: %v", err)
		}
	}
	stop()
	if err := <-kept; err != nil {
		t.Errorf("keep: %v", err)
	}
	first.Resign()
	second := try(t, s)
	defer second.Resign()
	if first.Held() || !second.Held() || second.Revision() <= first.Revision() {
		t.Errorf("held: %v and %v", first.Held(), second.Held())
	}
	if _, err := s.Commit(t.Context(), store.Txn{If: []store.Condition{first.Condition()}, Then: []store.Op{{Key: "x"}}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a write of the one before: %v", err)
	}
	if _, err := s.Commit(t.Context(), store.Txn{If: []store.Condition{second.Condition()}, Then: []store.Op{{Key: "x"}}}); err != nil {
		t.Errorf("a write of the one that has it: %v", err)
	}
}

// One that cannot reach the store knows that its turn is over before the store
// gives it to another.
func TestCutOff(t *testing.T) { synctest.Test(t, testCutOff) }

func testCutOff(t *testing.T) {
	s := &slow{Store: store.NewMemory()}
	defer s.Close()
	first := try(t, s)
	kept := make(chan error)
	go func() { kept <- first.Keep(t.Context()) }()
	s.hangs.Store(true)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		second, err := turn.Try(t.Context(), s.Store, key, []byte("b"), time.Second)
		if err == nil {
			if first.Held() {
				t.Error("two have it")
			}
			second.Resign()
			break
		}
		if !errors.Is(err, turn.ErrTaken) || time.Now().After(deadline) {
			t.Fatalf("nobody follows: %v", err)
		}
	}
	if err := <-kept; !errors.Is(err, turn.ErrLost) {
		t.Errorf("keep: %v", err)
	}
	if first.Resign(); first.Held() {
		t.Error("held after it was given back")
	}
}

// A turn that the store has ended is lost at once.
func TestRevoked(t *testing.T) {
	s := store.NewMemory()
	defer s.Close()
	mine := try(t, s)
	e, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(t.Context(), e.Lease); err != nil {
		t.Fatal(err)
	}
	if err := mine.Keep(t.Context()); !errors.Is(err, turn.ErrLost) || !errors.Is(err, store.ErrNoLease) || mine.Held() {
		t.Errorf("%v, held: %v", err, mine.Held())
	}
}

// A store that is gone gives no turns, and says so.
func TestNoStore(t *testing.T) {
	s := store.NewMemory()
	_ = s.Close()
	if _, err := turn.Try(t.Context(), s, key, nil, time.Second); !errors.Is(err, store.ErrClosed) {
		t.Error(err)
	}
}
