package bmv2test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// TestFig2Large streams to 200 viewers in 20 domains: every viewer gets every
// payload, every domain gets it once.
func TestFig2Large(t *testing.T) {
	const clients, domains, payloads = 200, 20, 20
	var copies, headers, delivered, corrupt atomic.Uint64
	sent := make([]media, payloads)
	for i := range sent {
		sent[i] = mediaOf(uint32(i), 1316)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	fig, err := NewFig2(ctx, Fig2Options{
		Clients: clients, Domains: domains,
		Tap: func(_, _ string, frame []byte) Verdict {
			if len(frame) > 1000 {
				copies.Add(1)
			} else {
				headers.Add(1)
			}
			return Forward
		},
		FromDomain: func(d int, frame []byte) {
			var got inet.Datagram
			err := got.Decode(ipOf(frame))
			if err != nil || got.Dst.Addr().As4()[1] != byte(d) || !isOneOf(got.Payload, sent) {
				corrupt.Add(1)
			}
			delivered.Add(1)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fig.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := fig.Program(ctx); err != nil {
		t.Fatal(err)
	}
	st := &T{T: t, stage: &stage{fig: fig}, ctx: ctx}
	for _, m := range sent {
		frames := [][]byte{st.payload(m)}
		for _, v := range fig.Viewers {
			frames = append(frames, st.header(m, v.EID))
		}
		st.send(SourceName, frames...)
	}
	st.until("everything is delivered", func() bool { return delivered.Load() >= clients*payloads })
	time.Sleep(10 * time.Millisecond) // for what would be too much
	if c, h, d, bad := copies.Load(), headers.Load(), delivered.Load(), corrupt.Load(); c != domains*payloads ||
		h != clients*payloads || d != clients*payloads || bad != 0 {
		t.Errorf("%d copies, %d headers, %d delivered, %d of them corrupt; want %d, %d, %d, 0",
			c, h, d, bad, domains*payloads, clients*payloads, clients*payloads)
	}
}

func isOneOf(b []byte, sent []media) bool {
	hash := wire.Hash(b)
	for _, m := range sent {
		if m.id.Hash == hash && bytes.Equal(m.bytes, b) {
			return true
		}
	}
	return false
}
