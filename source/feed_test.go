package source_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source"
)

// live is an input that gives what the test puts into it.
type live struct {
	media chan []byte
	rest  []byte
	once  sync.Once
	done  chan struct{}
}

func newLive() *live { return &live{media: make(chan []byte, 100), done: make(chan struct{})} }

func (l *live) Name() string { return "live" }
func (l *live) Live() bool   { return true }
func (l *live) Close() error { l.once.Do(func() { close(l.done) }); return nil }

func (l *live) Read(b []byte) (int, error) {
	if len(l.rest) == 0 {
		select {
		case l.rest = <-l.media:
		case <-l.done:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// What a live input has left unfinished is sent when it pauses, and the stream
// goes on afterwards.
func TestPause(t *testing.T) {
	in, out := newLive(), &counting{media: make(chan []byte, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	cfg := config(t, channel4, figure2(false))
	cfg.Pace = source.PaceAuto
	go func() {
		_, err := source.Run(ctx, cfg, in, out)
		done <- err
	}()
	media := bytes.Repeat([]byte("media"), 1000)
	for _, n := range []int{1316 + 100, 200, 1316} { // with a pause after each
		in.media <- media[:n]
		var got []byte
		for len(got) < n {
			select {
			case m := <-out.media:
				got = append(got, m...)
			case <-time.After(5 * time.Second):
				t.Fatalf("%d of %d bytes were sent", len(got), n)
			}
		}
		if !bytes.Equal(got, media[:n]) {
			t.Fatal("the media changed on the way")
		}
	}
	cancel()
	if err := <-done; err != nil && !os.IsTimeout(err) {
		t.Error(err)
	}
}

// counting is a Sender that gives the media of payload packets to the test.
type counting struct{ media chan []byte }

func (*counting) Headroom() int { return 0 }

func (c *counting) Send(packets [][]byte) (int, error) {
	for _, p := range packets {
		if p[0]&0xf == 1 {
			c.media <- bytes.Clone(p[12:])
		}
	}
	return len(packets), nil
}

// The headers of a live input are spread over the time between two payloads.
func TestLiveSpread(t *testing.T) {
	in, out := newLive(), &stamping{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := config(t, channel4, manyViewers(2000))
	cfg.Pace = source.PaceAuto
	done := make(chan error)
	go func() {
		_, err := source.Run(ctx, cfg, in, out)
		done <- err
	}()
	media := make([]byte, 1316)
	for range 40 {
		in.media <- media
		time.Sleep(25 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// Whatever the machine does, some rounds came in many batches.
	if out.batches < 100 {
		t.Errorf("40 rounds of 2000 headers went in %d batches", out.batches)
	}
}

// stamping counts batches.
type stamping struct{ batches int }

func (*stamping) Headroom() int { return 0 }

func (s *stamping) Send(packets [][]byte) (int, error) {
	s.batches++
	return len(packets), nil
}
