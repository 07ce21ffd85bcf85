package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
	Viewers *ViewerList
	Pace    Pace
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
	if cfg.Viewers.channel != cfg.Channel {
		return nil, fmt.Errorf("%w: channel %s was given the viewer list of %s", ErrConfig, cfg.Channel.Name, cfg.Viewers.channel.Name)
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
		cfg.Clock = new(systemClock)
	}
	r := &runner{
		cfg:      cfg,
		pacer:    pacer{clock: cfg.Clock},
		rounds:   newRounds(cfg.Channel, out, cfg.Progress),
		sequence: cfg.FirstSequence,
	}
	r.chunks = &chunker{in: in, size: cfg.Channel.PayloadSize, warn: r.warn, bitrate: cfg.Bitrate}
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
		if err := r.round(media); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// round sends one payload and its headers.
func (r *runner) round(media []byte) error {
	id := wire.Identify(r.sequence, media)
	r.sequence++
	r.last = r.cfg.Clock.Now()
	if r.first.IsZero() {
		r.first = r.last
	}
	if r.cfg.OnPayload != nil {
		r.cfg.OnPayload(Sent{ID: id, Media: media, At: r.last})
	}
	if err := r.rounds.send(id, media, r.cfg.Viewers.headers()); err != nil {
		return fmt.Errorf("cannot send channel %s: %w", r.cfg.Channel.Name, err)
	}
	return nil
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
