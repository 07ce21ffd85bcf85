package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/ts"
	"github.com/corecast/corecast/wire"
)

// Pace says what decides when a payload is sent.
type Pace int

// The paces.
const (
	PaceAuto    Pace = iota // PaceArrival for live inputs, PaceClock for others
	PaceClock               // the clock references in the stream
	PaceArrival             // a payload goes as soon as its bytes are there
	PaceNone                // as fast as the sender takes them
)

// DefaultBitrate paces media that has no clock, in bits per second.
const DefaultBitrate = 4_000_000

// Config is what Run needs to know.
type Config struct {
	Channel Channel
	Viewers *dstlist.List
	Pace    Pace
	// Burst is the most header packets sent at once; 0 means as many as are
	// due in a millisecond. bmv2, whose queues hold 64, wants 16.
	Burst int
	// Bitrate, in bits per second, paces media that has no clock of its own;
	// 0 means DefaultBitrate, and saying so.
	Bitrate int
	// Opaque sends any media as it is. Otherwise it must be MPEG-TS.
	Opaque bool
	// FirstSequence is the sequence number of the first payload.
	FirstSequence uint32

	// All of these may be nil. The hooks are called by the goroutine that
	// runs the channel: they hold it up.
	Progress  *Progress            // counted in while running
	OnPayload func(Sent)           // called before a round is sent
	OnWarning func(message string) // called when an input is odd
	Clock     Clock                // instead of the machine's
}

// Sent is a payload about to be sent.
type Sent struct {
	ID    wire.ID
	Media []byte // valid during the call
	At    time.Time
}

// End is why a channel ended.
type End int

// The ends.
const (
	EndFailed  End = iota // see the error
	EndOfMedia            // the input was sent to its end
	EndStopped            // the context ended
	EndSilent             // a live input went silent; the error says which
)

func (e End) String() string {
	return [...]string{"failed", "end of media", "stopped", "input went silent"}[e]
}

// Report is what a channel has done.
type Report struct {
	Counts
	End      End
	Duration time.Duration // from the first payload to the last
}

// Run sends a channel until its input or ctx ends. It closes the input.
//
// The error is nil at the end of the media and when ctx ended. When a UDP
// input went silent it is input.ErrSilent; what had come before has been sent.
// The report is complete in every case.
func Run(ctx context.Context, cfg Config, in input.Input, out Sender) (Report, error) {
	defer func() { _ = in.Close() }()
	r, err := newRunner(cfg, in, out)
	if err != nil {
		return Report{}, err
	}
	if in.Live() {
		r.feed = newFeed(in)
		r.chunks.in, r.chunks.feed = r.feed, r.feed
		defer r.feed.stop()
	}
	// An input that waits for bytes does not look at the context.
	stop := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stop()
	err = r.run(ctx)
	return r.report(ctx, err)
}

// runner is one running channel.
type runner struct {
	cfg      Config
	chunks   *chunker
	feed     *feed // of a live input
	path     pathSize
	watch    inputWatch
	pacer    pacer
	rounds   *rounds
	sequence uint32
	first    time.Time
	last     time.Time
}

func newRunner(cfg Config, in input.Input, out Sender) (*runner, error) {
	var err error
	if cfg.Channel, err = cfg.Channel.withDefaults(); err != nil {
		return nil, err
	}
	if cfg.Viewers == nil {
		return nil, fmt.Errorf("%w: channel %s has no viewer list", ErrConfig, cfg.Channel.Name)
	}
	if cfg.Viewers.IPv6() != cfg.Channel.SourceEID.Is6() {
		return nil, fmt.Errorf("%w: channel %s was given a viewer list of the other family", ErrConfig, cfg.Channel.Name)
	}
	if cfg.Burst < 0 {
		return nil, fmt.Errorf("%w: burst %d: want packets above 0, or 0 for what is due in a millisecond", ErrConfig, cfg.Burst)
	}
	if cfg.Bitrate < 0 {
		return nil, fmt.Errorf("%w: bitrate %d: want bits per second above 0", ErrConfig, cfg.Bitrate)
	}
	if cfg.Bitrate == 0 {
		cfg.Bitrate = DefaultBitrate
	}
	if cfg.Progress == nil {
		cfg.Progress = new(Progress)
	}
	if cfg.Clock == nil {
		cfg.Clock = NewClock()
	}
	r := &runner{
		cfg:      cfg,
		pacer:    pacer{clock: cfg.Clock},
		rounds:   newRounds(cfg, out),
		path:     newPathSize(out, cfg.Channel.SourceEID.Is6()),
		sequence: cfg.FirstSequence,
	}
	r.watch = inputWatch{in: in, warn: r.warn}
	size := cfg.Channel.PayloadSize
	if size == 0 {
		size = r.path.first(cfg.Channel.MTU)
	}
	if size == 0 {
		return nil, fmt.Errorf("%w: channel %s: the link to the ITR has an MTU of %d, which holds no packet of 188 bytes with all headers",
			ErrConfig, cfg.Channel.Name, r.path.mtu)
	}
	r.chunks = &chunker{in: in, size: size, warn: r.warn, bitrate: cfg.Bitrate}
	if cfg.Pace == PaceClock || cfg.Pace == PaceAuto && !in.Live() {
		r.chunks.timeline = ts.NewTimeline(cfg.Bitrate)
	}
	return r, nil
}

func (r *runner) warn(format string, args ...any) {
	r.cfg.Progress.warnings.Add(1)
	if r.cfg.OnWarning != nil {
		r.cfg.OnWarning(fmt.Sprintf(format, args...))
	}
}

func (r *runner) run(ctx context.Context) error {
	if err := r.chunks.open(r.cfg.Opaque); err != nil {
		return err
	}
	for ctx.Err() == nil {
		media, due, err := r.chunks.next()
		if err != nil {
			return err
		}
		if r.chunks.timeline != nil {
			r.pacer.wait(ctx, due)
			r.cfg.Progress.shifts.Store(r.pacer.shifts)
		}
		if ctx.Err() != nil {
			break
		}
		if err := r.round(ctx, media, r.window(due)); err != nil {
			return err
		}
		health := r.chunks.monitor.Health()
		r.cfg.Progress.setHealth(health)
		r.watch.look(r.cfg.Clock.Now(), health)
	}
	return ctx.Err()
}

// windowShare is how much of the time between two payloads the headers of the
// first take; the rest is for what takes longer than planned.
const windowShare = 7.0 / 8

// maxWindow is the longest that the last viewer waits for what the first one
// has.
const maxWindow = time.Second

// window is how long the round of a chunk may take that was due at that time.
func (r *runner) window(due time.Duration) time.Duration {
	var interval time.Duration
	switch {
	case r.chunks.timeline != nil:
		interval = r.chunks.nextDue() - due
	case r.feed != nil && r.cfg.Pace != PaceNone:
		interval = r.feed.window(r.chunks.size, r.chunks.ahead())
	}
	return min(time.Duration(float64(interval)*windowShare), maxWindow)
}

// round sends one payload and its headers. If the path does not take it, the
// payload size is made less, and the media comes again with the next chunk.
func (r *runner) round(ctx context.Context, media []byte, window time.Duration) error {
	id := wire.Identify(r.sequence, media)
	r.sequence++
	r.last = r.cfg.Clock.Now()
	if r.first.IsZero() {
		r.first = r.last
	}
	if r.cfg.OnPayload != nil {
		r.cfg.OnPayload(Sent{ID: id, Media: media, At: r.last})
	}
	err := r.rounds.send(ctx, id, media, window)
	if errors.Is(err, ErrTooLong) && r.shorten(len(media)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot send channel %s: %w", r.cfg.Channel.Name, err)
	}
	return nil
}

// shorten makes payloads shorter than size bytes, and the last chunk come
// again. It reports whether that is possible.
func (r *runner) shorten(size int) bool {
	less := r.path.shorter(size)
	if less <= 0 {
		return false
	}
	r.cfg.Progress.shorter.Add(1)
	r.warn("the path to the ITR does not take payloads of %d bytes (its MTU is %d): going on with %d; raise the MTU, or set it (--mtu)",
		size, r.path.mtu, less)
	r.chunks.size = less
	r.chunks.back(size)
	return true
}

// report sorts out why run returned.
func (r *runner) report(ctx context.Context, err error) (Report, error) {
	report := Report{Counts: r.cfg.Progress.Counts(), Duration: r.last.Sub(r.first)}
	switch {
	case ctx.Err() != nil: // whatever else it broke on the way
		report.End, err = EndStopped, nil
	case err == io.EOF:
		report.End, err = EndOfMedia, nil
	case errors.Is(err, input.ErrSilent):
		report.End = EndSilent
	}
	return report, err
}
