package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/bmv2test"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
)

const (
	// Setting up may take so long, and so much more for each switch.
	setupTimeout       = 30 * time.Second
	setupTimePerSwitch = 500 * time.Millisecond
	progressTick       = 200 * time.Millisecond
	// settleTime is how long the network may be quiet before what has not
	// arrived is given up.
	settleTime = time.Second
)

// Run runs the demo until its duration or its input ends, or ctx does. observe,
// if not nil, is called now and then from one goroutine at a time.
//
// An error says that the demo could not run; whether the network did its job is
// the report's Verdict.
func Run(ctx context.Context, o Options, observe func(Progress)) (*Report, error) {
	started := time.Now()
	if err := o.Check(); err != nil {
		return nil, err
	}
	if observe == nil {
		observe = func(Progress) {}
	}
	if err := checkRecord(o); err != nil {
		return nil, err
	}
	media, err := openInput(o)
	if err != nil {
		return nil, err
	}
	defer media.Close()

	s, err := newStage(ctx, o, observe)
	if ctx.Err() != nil && err != nil {
		return nil, fmt.Errorf("stopped while the network was being set up: %w", ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	defer s.close()

	sent, err := s.play(ctx, media)
	if err != nil && !errors.Is(err, input.ErrSilent) {
		return nil, inputError(media, sent, err)
	}
	s.settle(ctx)
	if err := s.closeRecordings(); err != nil {
		return nil, err
	}
	report := s.report(started, sent.Duration)
	report.Refused = s.control.refusals(context.WithoutCancel(ctx), s.network.Config.Switches)
	switch {
	case err != nil:
		report.InputEnd = err.Error()
	case sent.Payloads == 0:
		report.InputEnd = fmt.Sprintf("nothing came from %s", media.Name())
	}
	return &report, nil
}

// stage is the running network and its accounts.
type stage struct {
	options  Options
	observe  func(Progress)
	log      *sentLog
	viewers  []*viewer
	transit  *transit
	strays   atomic.Uint64 // packets delivered to nobody we know
	network  *bmv2test.Fig2
	control  *control
	progress source.Progress
	begun    time.Time
}

// newStage sets everything up until media can flow.
func newStage(ctx context.Context, o Options, observe func(Progress)) (_ *stage, err error) {
	var mu sync.Mutex // progress and warnings come from two goroutines
	s := &stage{options: o, log: newSentLog(), observe: func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		observe(p)
	}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, setupTimeout+time.Duration(o.Domains+1)*setupTimePerSwitch)
	defer cancel()

	s.observe(Progress{Stage: fmt.Sprintf("Starting %d switches (%s)", o.Domains+1, o.Target)})
	// The tap and the domains speak of viewers that are known only once the
	// network is built; nothing flows before that.
	s.transit = newTransit(newLossModel(o.Loss, o.Seed))
	domains := make([]domain, o.Domains+1)
	for d := range domains {
		domains[d].stage = s
	}
	s.network, err = bmv2test.NewFig2(ctx, bmv2test.Fig2Options{
		Target:     bmv2test.Target(o.Target),
		Clients:    o.Clients,
		Domains:    o.Domains,
		Redundancy: uint8(o.Redundancy),
		Tap: func(from, _ string, frame []byte) bmv2test.Verdict {
			return bmv2test.Verdict(from != bmv2test.ITRName || s.transit.pass(frame))
		},
		FromDomain: func(d int, frame []byte) { domains[d].deliver(frame) },
	})
	if err != nil {
		return nil, err
	}
	if err := s.addViewers(); err != nil {
		return nil, err
	}
	s.observe(Progress{Stage: "Programming them over P4Runtime"})
	s.control, err = startControl(ctx, s.network.Config, o.Control)
	return s, err
}

// viewerName names the i-th viewer, from 0.
func viewerName(i int) string { return fmt.Sprintf("viewer-%d", i+1) }

func (s *stage) addViewers() error {
	for i, v := range s.network.Viewers {
		viewer := &viewer{name: viewerName(i), address: v.EID, domain: v.Domain, sent: s.log}
		if s.options.Record != "" {
			r, err := newRecording(s.options.Record, viewer.name)
			if err != nil {
				return err
			}
			viewer.record = r
		}
		s.viewers = append(s.viewers, viewer)
	}
	s.transit.setViewers(s.viewers)
	return nil
}

// play sends the media to all viewers until it ends, the duration is over or
// ctx ends.
func (s *stage) play(ctx context.Context, media input.Input) (source.Report, error) {
	if s.options.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.Duration)
		defer cancel()
	}
	s.begun = time.Now()
	stop := s.watch()
	defer stop()

	host := s.network.Host(bmv2test.SourceName)
	channel := source.Channel{
		Name: bmv2test.ChannelName, SourceEID: bmv2test.SourceEID, ReservedEID: bmv2test.ReservedEID,
		UDPPort: bmv2test.MediaPort, PayloadSize: s.options.Payload, List: s.options.List,
	}
	viewers := make([]dstlist.Viewer, len(s.viewers))
	for i, v := range s.viewers {
		viewers[i] = dstlist.Viewer{EID: v.address.Addr(), Port: v.address.Port(), RLOC: s.network.RLOC(v.domain)}
	}
	list, err := source.NewViewerList(channel, viewers...)
	if err != nil {
		return source.Report{}, err
	}
	sender, err := source.NewFrameSender(hostFrames{host}, channel, host.MAC, host.Gateway)
	if err != nil {
		return source.Report{}, err
	}
	return source.Run(ctx, source.Config{
		Channel:   channel,
		Viewers:   list,
		Burst:     s.options.Target.burst(),
		Bitrate:   s.options.Bitrate,
		Opaque:    s.options.Opaque,
		Progress:  &s.progress,
		OnPayload: func(p source.Sent) { s.log.add(p.ID.Sequence, p.Media, p.At) },
		OnWarning: func(message string) { s.observe(Progress{Stage: "Input: " + message}) },
	}, media, sender)
}

// settle waits until everything sent has arrived or been lost, or nothing
// has moved for settleTime.
func (s *stage) settle(ctx context.Context) {
	quietSince, last := time.Now(), uint64(0)
	for ctx.Err() == nil || time.Since(quietSince) < settleTime {
		counts := s.transit.snapshot()
		moved, pending := counts.Headers+counts.Copies, 0
		for _, v := range s.viewers {
			c := v.snapshot()
			moved, pending = moved+c.Delivered+c.Corrupt, pending+c.pending
		}
		if pending == 0 && counts.Headers == s.progress.Counts().Headers {
			return
		}
		if moved != last {
			quietSince, last = time.Now(), moved
		}
		if time.Since(quietSince) >= settleTime {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// close ends everything; it may be called on a stage half set up.
func (s *stage) close() {
	if s.control != nil {
		_ = s.control.stop() // what it did not do has shown in the accounts
	}
	if s.network != nil {
		_ = s.network.Close() // a switch that died has shown in the accounts
	}
	_ = s.closeRecordings()
}
