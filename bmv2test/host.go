package bmv2test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/softswitch/port"
	"github.com/corecast/corecast/wire/inet"
)

// Host is a running host. Send is for one goroutine at a time; everything
// else may be called from anywhere.
type Host struct {
	Name    string
	MAC     inet.MAC
	Addr    netip.Addr
	Gateway inet.MAC // of the switch port the host is behind

	port     port.Port
	pace     pace
	sent     int // since the last rest
	handler  func([]byte)
	captures *capture
	inbox    inbox
}

// Send sends frames at the host's pace. It fails when frames could not leave.
func (h *Host) Send(frames ...[]byte) error {
	for len(frames) > 0 {
		n := len(frames)
		if h.pace.burst > 0 {
			n = min(n, h.pace.burst-h.sent)
		}
		left, err := h.port.Send(frames[:n])
		if err == nil && left < n {
			err = fmt.Errorf("%d of %d frames found no room", n-left, n)
		}
		if err != nil {
			return fmt.Errorf("host %s: send: %w", h.Name, err)
		}
		for _, f := range frames[:n] {
			h.captures.add(f)
		}
		frames = frames[n:]
		if h.sent += n; h.sent == h.pace.burst && h.pace.burst > 0 {
			h.sent = 0
			time.Sleep(h.pace.gap)
		}
	}
	return nil
}

// Datagram returns a frame from the host to the UDP address dst, by way of its
// switch. A zero TTL is 64, and an invalid source address the host's own.
func (h *Host) Datagram(d inet.Datagram) ([]byte, error) {
	if !d.Src.Addr().IsValid() {
		d.Src = netip.AddrPortFrom(h.Addr, d.Src.Port())
	}
	if d.TTL == 0 {
		d.TTL = 64
	}
	eth := inet.Ethernet{Dst: h.Gateway, Src: h.MAC, Type: inet.EtherTypeIPv4}
	if d.Dst.Addr().Is6() {
		eth.Type = inet.EtherTypeIPv6
	}
	frame := make([]byte, 0, inet.EthernetSize+inet.HeaderSize(d.Dst.Addr())+len(d.Payload))
	return d.Append(eth.Append(frame))
}

// Received returns how many frames are in the inbox.
func (h *Host) Received() int { return h.inbox.len() }

// Take empties the inbox and returns its frames in order of arrival.
func (h *Host) Take() [][]byte { return h.inbox.take() }

// Wait waits until the inbox holds at least n frames.
func (h *Host) Wait(ctx context.Context, n int) error {
	if err := h.inbox.wait(ctx, n); err != nil {
		return fmt.Errorf("host %s: %d of %d frames arrived: %w", h.Name, h.inbox.len(), n, err)
	}
	return nil
}

// Stats returns the counters of the host's own port.
func (h *Host) Stats() port.Stats { return h.port.Stats() }

// receive hands on what arrives until the port is closed.
func (h *Host) receive() {
	frames := newFrames(batchFrames)
	for {
		n, err := h.port.Recv(frames)
		if err != nil {
			return
		}
		for _, f := range frames[:n] {
			h.captures.add(f)
			if h.handler != nil {
				h.handler(f)
			} else {
				h.inbox.put(f)
			}
		}
	}
}

// inbox keeps received frames until they are taken.
type inbox struct {
	mu      sync.Mutex // guards the rest
	frames  [][]byte
	arrival chan struct{} // closed and replaced at each arrival; nil while nobody waits
}

func (b *inbox) put(frame []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames = append(b.frames, slices.Clone(frame))
	if b.arrival != nil {
		close(b.arrival)
		b.arrival = nil
	}
}

func (b *inbox) take() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	frames := b.frames
	b.frames = nil
	return frames
}

func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.frames)
}

func (b *inbox) wait(ctx context.Context, n int) error {
	for {
		b.mu.Lock()
		if len(b.frames) >= n {
			b.mu.Unlock()
			return nil
		}
		if b.arrival == nil {
			b.arrival = make(chan struct{})
		}
		arrival := b.arrival
		b.mu.Unlock()
		select {
		case <-arrival:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
