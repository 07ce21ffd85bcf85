package station

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/turn"
	"github.com/corecast/corecast/source/viewerapi"
)

// How long a channel waits before it is started again.
const (
	firstRestart = time.Second
	lastRestart  = 30 * time.Second
)

// run sends the channel until its media or ctx ends.
func (c *channel) run(ctx context.Context) {
	c.began = time.Now()
	if c.keep != nil {
		c.err = c.keep.run(ctx)
	} else {
		c.err = c.send(ctx, rand.Uint32(), func(uint32) {}, c.sender)
	}
}

// send sends the channel, from a sequence number on, until its media or ctx
// ends. A live one that fails is started again. It closes the input. Used is told
// each sequence number before it is sent.
func (c *channel) send(ctx context.Context, first uint32, used func(uint32), out source.Sender) error {
	defer func() { c.atEnd, c.delivery = c.viewers.Len(), viewerapi.DeliveryOf(c.viewers.Counts()) }()
	cfg := source.Config{
		Channel: c.cfg.channel(), Viewers: c.viewers, Bitrate: c.cfg.Bitrate, Opaque: c.cfg.Opaque, Burst: c.cfg.Burst,
		Progress: &c.progress, OnWarning: func(m string) { c.say("%s", m) },
		FirstSequence: first,
	}
	cfg.OnPayload = func(s source.Sent) {
		cfg.FirstSequence = s.ID.Sequence + 1
		used(s.ID.Sequence)
	}
	c.say("sending %s to %s from %s:%d (%s)", c.inputName, c.cfg.ReservedEID, c.cfg.SourceEID, c.cfg.UDPPort, c.sender.Mode())
	in := c.input
	c.input = nil // Run closes it
	for wait := firstRestart; ; wait = min(2*wait, lastRestart) {
		live := in.Live()
		report, err := source.Run(ctx, cfg, in, out)
		c.end = report.End.String()
		if ctx.Err() != nil || err == nil || !live || !*c.cfg.Reconnect || errors.Is(err, source.ErrConfig) || errors.Is(err, turn.ErrLost) {
			return err
		}
		for {
			c.say("%v; starting again in %v", err, wait)
			if !sleep(ctx, wait) {
				return nil
			}
			if in, err = c.open(); err == nil {
				break
			}
			wait = min(2*wait, lastRestart)
		}
	}
}

// sleep waits for d, and says whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
