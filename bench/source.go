package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/itr"
	"github.com/corecast/corecast/wire"
)

// SourceOptions say how long to measure a source.
type SourceOptions struct {
	Options
	// Sustain is how long each of the sustained loads is kept up.
	Sustain time.Duration
	// Scale is how long each of the paper's scaling factors is kept up; 0
	// leaves them out.
	Scale time.Duration
}

// DefaultSourceOptions measure for about a minute.
func DefaultSourceOptions() SourceOptions {
	return SourceOptions{Options: Options{Turns: 21, Slice: 50 * time.Millisecond}, Sustain: 10 * time.Second, Scale: 2 * time.Second}
}

// The paper's stream: 1200 bytes every 25 ms.
const (
	paperPayload  = 1200
	paperPayloads = 40 // a second
	paperFactors  = 7
)

// paperOrder is the order in which the paper took its scaling factors.
var paperOrder = [paperFactors]int{1, 7, 2, 6, 3, 5, 4}

// Where the bench sends: loopback addresses, so that nothing leaves the host.
var (
	benchSource   = netip.MustParseAddr("127.43.0.10")
	benchReserved = netip.MustParseAddr("127.43.255.1")
	benchRLOC     = netip.MustParseAddr("127.43.255.2") // for a source that does the ITR's work
)

// benchViewerPort is where viewers get unicast, at loopback addresses too.
const benchViewerPort = 43_004

// Source measures a source on its way into the host's loopback interface: what
// a core sends at most, and whether loads are kept up in real time. Everything
// is a real UDP socket; a socket at the other end throws away what it gets.
func Source(ctx context.Context, o SourceOptions) (*Report, error) {
	for _, at := range []netip.AddrPort{
		netip.AddrPortFrom(benchReserved, wire.Port), netip.AddrPortFrom(benchRLOC, lisp.DataPort),
		netip.AddrPortFrom(netip.IPv4Unspecified(), benchViewerPort),
	} {
		sink, err := newSink(at)
		if err != nil {
			return nil, err
		}
		defer sink.Close()
	}
	r := newReport()
	if err := measureSending(ctx, r, o.Options); err != nil {
		return nil, err
	}
	for _, load := range []struct {
		name          string
		viewers, list int
	}{
		{"10,003 viewers at 40 payloads/s, single headers", PaperViewers * paperFactors, 1},
		{"100,000 viewers at 40 payloads/s, lists of 32", 100_000, wire.MaxEntries},
	} {
		s, err := sustain(ctx, load.viewers, load.list, o.Sustain)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", load.name, err)
		}
		s.report(r, load.name)
	}
	if o.Scale > 0 {
		if err := measureScale(ctx, r, o.Scale); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// newSink is a socket that takes what the source sends and never reads it.
func newSink(at netip.AddrPort) (*net.UDPConn, error) {
	sink, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("cannot receive what the source sends (does another bench run?): %w", err)
	}
	_ = sink.SetReadBuffer(1) // the kernel rounds up to its least
	return sink, nil
}

func benchChannel(list int) source.Channel {
	return source.Channel{Name: "bench", SourceEID: benchSource, ReservedEID: benchReserved, UDPPort: 7000,
		PayloadSize: paperPayload, List: list}
}

// benchViewers are n viewers, as many in each of the paper's sites as in any
// other.
func benchViewers(n int) []dstlist.Viewer {
	all := make([]dstlist.Viewer, n)
	for i := range all {
		all[i] = dstlist.Viewer{EID: ipv4(viewersBase + uint32(i)), Port: 5004, RLOC: ipv4(rloc(i % PaperSites))}
	}
	return all
}

// behindOne are n viewers behind one RLOC, or who get unicast.
func behindOne(n int, unicast bool) []dstlist.Viewer {
	all := make([]dstlist.Viewer, n)
	for i := range all {
		all[i] = dstlist.Viewer{EID: ipv4(viewersBase + uint32(i)), Port: 5004, RLOC: benchRLOC}
		if unicast {
			all[i] = dstlist.Viewer{EID: netip.AddrFrom4([4]byte{127, 43, byte(i >> 8), byte(i)}), Port: benchViewerPort, Unicast: true}
		}
	}
	return all
}

// paperViewers are the paper's audience, each site scaled up by factor.
func paperViewers(factor int) []dstlist.Viewer {
	var all []dstlist.Viewer
	for site, n := range Skewed(PaperViewers, PaperSites) {
		for range n * factor {
			all = append(all, dstlist.Viewer{EID: ipv4(viewersBase + uint32(len(all))), Port: 5004, RLOC: ipv4(rloc(site))})
		}
	}
	return all
}

// endless is media that never ends, and is different in each payload.
func endless() input.Input {
	return input.FromReadSeeker("bench", strings.NewReader(strings.Repeat("The quick brown fox. ", 5000)), input.Options{Loop: true})
}

// sending is a way of sending, as many packets as go in a slice of time.
type sending struct {
	load  // its times are a rate: so many units in a second of the thread's time
	send  func(d time.Duration) (units uint64, err error)
	close func()
}

func (s *sending) slice(d time.Duration) error {
	cpu := threadTime()
	n, err := s.send(d)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.times = append(s.times, float64(n)/(threadTime()-cpu).Seconds())
	return nil
}

// sendingSource is a whole source that runs without a pace.
func sendingSource(ctx context.Context, name string, list int, viewers []dstlist.Viewer, units func(source.Counts) uint64) (*sending, error) {
	cfg, out, err := openBench(list, viewers)
	if err != nil {
		return nil, err
	}
	return sendingBy(ctx, name, cfg, out, func() { _ = out.Close() }, units), nil
}

// sendingEncapsulated is a source that does the ITR's work for one RLOC.
func sendingEncapsulated(ctx context.Context, name string, viewers []dstlist.Viewer, units func(source.Counts) uint64) (*sending, error) {
	channel := benchChannel(1)
	all, err := source.NewViewerList(channel, viewers...)
	if err != nil {
		return nil, err
	}
	of := itr.Channel{SourceEID: channel.SourceEID, ReservedEID: channel.ReservedEID, UDPPort: 7000}
	sockets, err := itr.OpenSockets(of, benchSource)
	if err != nil {
		return nil, err
	}
	out, err := itr.New(sockets, of)
	if err != nil {
		sockets.Close()
		return nil, err
	}
	cfg := source.Config{Channel: channel, Viewers: all, Opaque: true}
	return sendingBy(ctx, name, cfg, out, sockets.Close, units), nil
}

func sendingBy(ctx context.Context, name string, cfg source.Config, out source.Sender, close func(), units func(source.Counts) uint64) *sending {
	cfg.Pace = source.PaceNone
	s := &sending{load: load{name: name}, close: close}
	s.send = func(d time.Duration) (uint64, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		until := time.Now().Add(d)
		cfg := cfg
		cfg.OnPayload = func(p source.Sent) {
			if p.At.After(until) {
				cancel()
			}
		}
		report, err := source.Run(ctx, cfg, endless(), out)
		return units(report.Counts) - report.Unsent, err
	}
	return s
}

func openBench(list int, viewers []dstlist.Viewer) (source.Config, *source.UDPSender, error) {
	channel := benchChannel(list)
	channel.UDPPort += uint16(list) // several are open at once
	all, err := source.NewViewerList(channel, viewers...)
	if err != nil {
		return source.Config{}, nil, err
	}
	out, err := source.DialUDP(channel)
	return source.Config{Channel: channel, Viewers: all, Opaque: true}, out, err
}

// measureSending measures what one core sends at most, all ways in turns.
func measureSending(ctx context.Context, r *Report, o Options) error {
	headers := func(c source.Counts) uint64 { return c.Headers }
	entries := func(c source.Counts) uint64 { return c.Entries }
	single, err1 := sendingSource(ctx, "single headers by the source", 1, paperViewers(paperFactors), headers)
	lists, err2 := sendingSource(ctx, "viewers in lists of 32 by the source", wire.MaxEntries, benchViewers(100_000), entries)
	encapsulated, err4 := sendingEncapsulated(ctx, "single headers to one RLOC by a source that is the ITR", behindOne(10_000, false), headers)
	unicast, err5 := sendingSource(ctx, "viewers by unicast, 1,200 bytes each", 2, behindOne(1_000, true), func(c source.Counts) uint64 { return c.Unicast })
	bare, each, err3 := bareLoops(net.UDPAddrFromAddrPort(netip.AddrPortFrom(benchReserved, wire.Port)))
	ways := []*sending{single, bare, each, lists, encapsulated, unicast}
	defer func() {
		for _, w := range ways {
			if w != nil {
				w.close()
			}
		}
	}()
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range o.Turns {
		for _, w := range ways {
			if err := w.slice(o.Slice); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		slices.Reverse(ways)
	}
	r.add(&single.load, "packets/s per core", &bare.load, &each.load)
	r.add(&bare.load, "packets/s per core")
	r.add(&each.load, "packets/s per core")
	r.add(&lists.load, "viewers/s per core", &single.load)
	r.add(&encapsulated.load, "packets/s per core", &single.load)
	r.add(&unicast.load, "packets/s per core", &each.load)
	return nil
}
