package mapserver

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	w := h.s.Watch(10)
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.11")), true)
	h.register(etr, registerOf(2, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.register(etr, registerOf(3, record("10.1.2.0/24", 0)), true)
	for _, want := range []struct {
		eid  string
		rloc string // empty: gone
	}{{"10.1.0.0/16", "192.0.2.10"}, {"10.1.2.0/24", "192.0.2.11"}, {"10.1.2.0/24", ""}} {
		c, err := w.Next(ctx)
		if err != nil || c.Resync || c.EID != eid(want.eid) || (c.Mapping == nil) != (want.rloc == "") {
			t.Fatalf("%+v %v, want %+v", c, err, want)
		}
		if c.Mapping != nil && (c.Mapping.Locators[0].Address.String() != want.rloc || c.Mapping.Site != "studio") {
			t.Errorf("%+v, want %s", c.Mapping, want.rloc)
		}
	}
	soon, cancelSoon := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancelSoon()
	if _, err := w.Next(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing has changed: %v", err)
	}
	w.Close()
	if _, err := w.Next(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestSlowWatcherIsTold(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	w := h.s.Watch(3)
	defer w.Close()
	move := func(n int) {
		for i := range n {
			h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2."+itoa(10+i))), true)
		}
	}
	move(5)
	ctx := context.Background()
	if c, err := w.Next(ctx); err != nil || !c.Resync {
		t.Fatalf("%+v %v, want a resync", c, err)
	}
	move(2)
	for range 2 {
		if c, err := w.Next(ctx); err != nil || c.Resync {
			t.Fatalf("%+v %v, want changes again", c, err)
		}
	}
	if n := h.s.Counters().WatchersResynced; n != 1 {
		t.Errorf("%d resyncs, want 1", n)
	}
}

func TestWatchEndsWithTheServer(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	w := h.s.Watch(1)
	done := make(chan error)
	go func() {
		_, err := w.Next(context.Background())
		done <- err
	}()
	if err := h.s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}
