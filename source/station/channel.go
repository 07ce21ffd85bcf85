package station

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/viewerapi"
)

// channel is one running stream.
type channel struct {
	cfg      *Channel
	say      func(format string, args ...any)
	viewers  *dstlist.List
	sender   *source.UDPSender
	input    input.Input // the first one, opened early to find mistakes
	progress source.Progress
	began    time.Time
	end      string
	err      error
}

// Report is what a channel has done.
type Report struct {
	Channel   string  `json:"channel"`
	Input     string  `json:"input"`
	End       string  `json:"end"`
	DurationS float64 `json:"duration_s"`
	Payloads  uint64  `json:"payloads"`
	Bytes     uint64  `json:"media_bytes"`
	Headers   uint64  `json:"headers"`
	Entries   uint64  `json:"viewers_served"`  // once for each payload
	Unicast   uint64  `json:"unicast_packets"` // of the media itself
	Unsent    uint64  `json:"unsent"`
	Lost      uint64  `json:"input_lost"` // continuity errors
	Warnings  uint64  `json:"warnings"`
	Viewers   int     `json:"viewers"` // at the end
	// Delivery is how those are served.
	Delivery viewerapi.Delivery `json:"delivery"`
}

func (s *Station) openChannel(cfg *Channel, limit *dstlist.Limit) (c *channel, err error) {
	c = &channel{cfg: cfg, end: "not started"}
	c.say = func(format string, args ...any) { s.say(cfg.Name + ": " + fmt.Sprintf(format, args...)) }
	c.viewers = dstlist.New(dstlist.Options{
		IPv6: cfg.SourceEID.Is6(), ListSize: cfg.List, Limit: limit, KeepExpired: s.cfg.Listen != ""})
	for _, v := range cfg.Viewers {
		viewer := dstlist.Viewer{EID: v.Addr(), Port: v.Port()}
		viewer.RLOC = s.locate(cfg.Name, viewer).RLOC
		if _, err := c.viewers.Join(viewer, time.Time{}); err != nil {
			return nil, fmt.Errorf("channel %s: %w", cfg.Name, err)
		}
	}
	if c.input, err = c.open(); err != nil {
		return nil, fmt.Errorf("channel %s: %w", cfg.Name, err)
	}
	if c.sender, err = source.DialUDP(cfg.channel()); err != nil {
		c.close()
		return nil, err
	}
	if err := c.segmentation(); err != nil {
		c.close()
		return nil, fmt.Errorf("channel %s: %w", cfg.Name, err)
	}
	return c, nil
}

// segmentation does without it where the configuration or the link says so.
func (c *channel) segmentation() error {
	link := ""
	if c.cfg.Segmentation == "auto" {
		if link = vethTo(c.cfg.ReservedEID); link == "" {
			return nil
		}
		c.say("%s is a veth pair: sending without segmentation, which would leave bursts uncut at its other end (--segmentation on for an ordinary host there)", link)
	} else if c.cfg.Segmentation == "on" {
		return nil
	}
	return c.sender.DisableSegmentation()
}

func (c *channel) open() (input.Input, error) {
	return input.Open(c.cfg.Input, input.Options{
		Loop: c.cfg.Loop, Silence: c.cfg.Silence, Reconnect: *c.cfg.Reconnect,
		OnEvent: func(m string) { c.say("%s", m) },
	})
}

func (c *channel) close() {
	if c.input != nil {
		_ = c.input.Close()
	}
	if c.sender != nil {
		_ = c.sender.Close()
	}
}

// How long a channel waits before it is started again.
const (
	firstRestart = time.Second
	lastRestart  = 30 * time.Second
)

// run sends the channel until its media or ctx ends. A live one that fails is
// started again.
func (c *channel) run(ctx context.Context) {
	c.began = time.Now()
	cfg := source.Config{
		Channel: c.cfg.channel(), Viewers: c.viewers, Bitrate: c.cfg.Bitrate, Opaque: c.cfg.Opaque, Burst: c.cfg.Burst,
		Progress: &c.progress, OnWarning: func(m string) { c.say("%s", m) },
		// Wherever a run before this one has stopped, the first payloads are
		// not taken for its last.
		FirstSequence: rand.Uint32(),
	}
	cfg.OnPayload = func(s source.Sent) { cfg.FirstSequence = s.ID.Sequence + 1 }
	c.say("sending %s to %s from %s:%d (%s)", c.input.Name(), c.cfg.ReservedEID, c.cfg.SourceEID, c.cfg.UDPPort, c.sender.Mode())
	in := c.input
	for wait := firstRestart; ; wait = min(2*wait, lastRestart) {
		live := in.Live()
		report, err := source.Run(ctx, cfg, in, c.sender)
		c.end, c.err = report.End.String(), err
		if ctx.Err() != nil || err == nil || !live || !*c.cfg.Reconnect || errors.Is(err, source.ErrConfig) {
			return
		}
		for {
			c.say("%v; starting again in %v", err, wait)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				c.err = nil
				return
			}
			if in, err = c.open(); err == nil {
				break
			}
			wait = min(2*wait, lastRestart)
		}
	}
}

func (c *channel) report() Report {
	n, health := c.progress.Counts(), c.progress.Health()
	return Report{
		Channel: c.cfg.Name, Input: c.input.Name(), End: c.end, DurationS: time.Since(c.began).Seconds(),
		Payloads: n.Payloads, Bytes: n.MediaBytes, Headers: n.Headers, Entries: n.Entries + n.Unicast,
		Unicast: n.Unicast, Unsent: n.Unsent, Lost: health.Lost, Warnings: n.Warnings, Viewers: c.viewers.Len(),
		Delivery: viewerapi.DeliveryOf(c.viewers.Counts()),
	}
}

// Status is a line about each channel for people.
func (s *Station) Status() []string {
	var lines []string
	for _, c := range s.channels {
		n, health := c.progress.Counts(), c.progress.Health()
		d := c.viewers.Counts()
		line := fmt.Sprintf("%s: %d viewers (%d by CoreCast, %d by unicast, %d unresolved), %d payloads, %d headers, %d unsent",
			c.cfg.Name, d.CoreCast+d.Unicast+d.Unresolved, d.CoreCast, d.Unicast, d.Unresolved, n.Payloads, n.Headers, n.Unsent)
		if health.Bitrate > 0 {
			line += fmt.Sprintf(", input %.2f Mbit/s", float64(health.Bitrate)/1e6)
		}
		if health.Lost > 0 {
			line += fmt.Sprintf(", %d continuity errors", health.Lost)
		}
		lines = append(lines, line)
	}
	return lines
}
