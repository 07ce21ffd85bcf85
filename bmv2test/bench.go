package bmv2test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Load is a kind of packet whose forwarding is measured, one switch at a time.
type Load string

const (
	LoadUnicast   Load = "LISP unicast"            // 60-byte UDP frames, encapsulated
	LoadHeaders   Load = "served CoreCast headers" // at the ITR; their payload copy has left
	LoadExpansion Load = "ETR expansion of 1316 B" // headers that become unicast packets
)

// Loads lists all loads.
func Loads() []Load { return []Load{LoadUnicast, LoadHeaders, LoadExpansion} }

const (
	benchMedia = 1316
	// lossAfter is when frames that have not come out count as lost.
	lossAfter = 200 * time.Millisecond
	warmUp    = 200 * time.Millisecond
)

// window is how many frames a bench keeps in flight. bmv2 loses frames when 64
// wait for one port.
func window(t Target) int {
	if t == BMv2 {
		return 48
	}
	return 512
}

// Rate is what a bench measured.
type Rate struct {
	Packets uint64 // that came out
	Lost    uint64
	Elapsed time.Duration
}

// PerSecond returns packets per second.
func (r Rate) PerSecond() float64 { return float64(r.Packets) / r.Elapsed.Seconds() }

// Bench measures how fast a target forwards. It is a Fig. 2 network of one
// domain in which frames end at the switch that is measured.
type Bench struct {
	target   Target
	fig      *Fig2
	atITR    atomic.Bool // frames that leave the ITR are lost, and counted
	received atomic.Uint64
	progress chan struct{}
	loads    map[Load][]byte
}

// NewBench builds and programs the network, and stores the payload at both
// switches. ctx bounds the starting only.
func NewBench(ctx context.Context, target Target) (_ *Bench, err error) {
	b := &Bench{target: target, progress: make(chan struct{}, 1)}
	b.fig, err = NewFig2(ctx, Fig2Options{
		Target: target, Clients: 1, Domains: 1,
		Tap: func(from, _ string, _ []byte) Verdict {
			if from != ITRName || !b.atITR.Load() {
				return Forward
			}
			b.count()
			return Lose
		},
		FromDomain: func(int, []byte) { b.count() },
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.fig.Program(ctx), b.prepare(ctx)); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bench) count() {
	b.received.Add(1)
	select {
	case b.progress <- struct{}{}:
	default:
	}
}

// prepare makes the frames of each load, and has a viewer served once.
func (b *Bench) prepare(ctx context.Context) error {
	source, viewer := b.fig.Host(SourceName), b.fig.Viewers[0]
	media := bytes.Repeat([]byte("CoreCast"), benchMedia/8+1)[:benchMedia]
	id := wire.Identify(1, media)
	payload, err1 := wire.AppendPayload(nil, id, media)
	header, err2 := wire.AppendHeader4(nil, id, []netip.AddrPort{viewer.EID})
	frames := make([][]byte, 3)
	channel := netip.AddrPortFrom(ReservedEID, wire.Port)
	errs := []error{err1, err2}
	for i, d := range []inet.Datagram{
		{Dst: channel, Payload: payload},
		{Dst: channel, Payload: header},
		{Dst: netip.AddrPortFrom(viewer.EID.Addr(), 7), Payload: make([]byte, 18)},
	} {
		d.Src = netip.AddrPortFrom(SourceEID, MediaPort)
		var err error
		frames[i], err = source.Datagram(d)
		errs = append(errs, err)
	}
	eth := inet.Ethernet{Dst: SwitchMAC(1, TransitPort), Src: SwitchMAC(0, TransitPort), Type: inet.EtherTypeIPv4}
	tunnel := lisp.Tunnel{Src: b.fig.RLOC(0), Dst: b.fig.RLOC(1)}
	tunnelled, err := tunnel.Append(eth.Append(nil), frames[1][inet.EthernetSize:])
	b.loads = map[Load][]byte{LoadUnicast: frames[2], LoadHeaders: frames[1], LoadExpansion: tunnelled}
	if err := errors.Join(append(errs, err, source.Send(frames[0], frames[1]))...); err != nil {
		return err
	}
	for b.received.Load() == 0 {
		select {
		case <-b.progress:
		case <-ctx.Done():
			return fmt.Errorf("%s: the viewer was not served: %w", b.target, errors.Join(ctx.Err(), b.fig.Alive()))
		}
	}
	return nil
}

// Run forwards packets of a kind for a while, as many as come out.
func (b *Bench) Run(ctx context.Context, load Load, d time.Duration) (Rate, error) {
	frame, ok := b.loads[load]
	if !ok {
		return Rate{}, fmt.Errorf("unknown load %q: want one of %q", load, Loads())
	}
	send := b.fig.Host(SourceName).port.Send
	if load == LoadExpansion {
		send = func(frames [][]byte) (int, error) {
			return len(frames), b.fig.Inject(TransitName, ETRName(1), frames...)
		}
	}
	b.atITR.Store(load != LoadExpansion)
	defer b.atITR.Store(false)
	if _, err := b.flood(ctx, send, frame, warmUp); err != nil {
		return Rate{}, err
	}
	return b.flood(ctx, send, frame, d)
}

// flood keeps the window full until d is over, then waits for what is left.
func (b *Bench) flood(ctx context.Context, send func([][]byte) (int, error), frame []byte, d time.Duration) (Rate, error) {
	limit := window(b.target)
	batch := slices.Repeat([][]byte{frame}, limit/2)
	first := b.received.Load()
	came := func() uint64 { return b.received.Load() - first }
	var rate Rate
	var sent uint64 // without what was lost
	start := time.Now()
	for time.Since(start) < d && ctx.Err() == nil {
		room := limit - int(sent-min(sent, came()))
		if room >= limit/4 {
			n, err := send(batch[:min(room, len(batch))])
			if err != nil {
				return rate, err
			}
			sent += uint64(n)
		} else if !b.wait() {
			lost := sent - min(sent, came())
			rate.Lost += lost
			sent -= lost
		}
	}
	rate.Packets, rate.Elapsed = came(), time.Since(start)
	for came() < sent && b.wait() {
	}
	rate.Lost += sent - min(sent, came())
	return rate, errors.Join(ctx.Err(), b.fig.Alive())
}

// wait waits for a frame to come out, and reports whether one did in time.
func (b *Bench) wait() bool {
	select {
	case <-b.progress:
		return true
	case <-time.After(lossAfter):
		return false
	}
}

// Close ends the bench.
func (b *Bench) Close() error { return b.fig.Close() }
