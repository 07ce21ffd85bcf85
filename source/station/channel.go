package station

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/itr"
	"github.com/corecast/corecast/source/viewerapi"
)

// channel is one running stream.
type channel struct {
	cfg      *Channel
	say      func(format string, args ...any)
	viewers  *dstlist.List
	keep     *keeping // nil for a source that keeps nothing
	progress source.Progress
	mappings *Mappings                  // of the configuration
	towards  netip.Addr                 // where packets go
	itr      atomic.Pointer[itr.Sender] // nil but for a source that does the ITR's work

	// What follows belongs to run, and to who made the channel before it.
	sender sender
	input  input.Input // the next one to be sent
	began  time.Time
	end    string
	err    error
	// How many viewers there were at the end, and how they were served.
	atEnd    int
	delivery viewerapi.Delivery
	// inputName is what may be shown of it: without passphrases.
	inputName string
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
	// ITR is what was done of the ITR's work.
	ITR *itr.Stats `json:"itr,omitempty"`
}

func (s *Station) openChannel(i int, limit *dstlist.Limit) (c *channel, err error) {
	cfg := &s.cfg.Channels[i]
	c = &channel{cfg: cfg, end: "not started", mappings: &s.cfg.Mappings}
	c.towards = s.towards(c)
	opened := c
	c.say = func(format string, args ...any) { s.say(cfg.Name + ": " + fmt.Sprintf(format, args...)) }
	c.viewers = dstlist.New(dstlist.Options{
		IPv6: cfg.SourceEID.Is6(), ListSize: cfg.List, Limit: limit, KeepExpired: s.cfg.Listen != ""})
	c.keep = s.keeping(c)
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	// All is opened early to find mistakes. What another source may have open
	// on this host, while it is its turn, comes later.
	early := c.keep == nil || !c.keep.shared
	if early || !strings.Contains(cfg.Input, "://") {
		if c.input, err = c.open(); err != nil {
			return nil, s.cfg.wrong(fmt.Sprintf("channels[%d].input", i), "%v", err)
		}
	}
	if early {
		err = c.dial()
	}
	return c, err
}

// joinForGood puts the viewers that the configuration names into the list.
func (s *Station) joinForGood(c *channel) error {
	for _, v := range c.cfg.Viewers {
		viewer := dstlist.Viewer{EID: v.Addr(), Port: v.Port()}
		to, _ := s.locator.find(c.cfg, viewer)
		viewer.RLOC, viewer.Unicast = to.RLOC, to.Unicast
		if _, err := c.viewers.Join(viewer, time.Time{}); err != nil {
			return fmt.Errorf("channel %s: %w", c.cfg.Name, err)
		}
	}
	return nil
}

// segmentation does without it where the configuration or the link says so.
func (c *channel) segmentation() error {
	link := ""
	if c.cfg.Segmentation == "auto" {
		if link = vethTo(c.towards); link == "" {
			return nil
		}
		c.say("%s is a veth pair: sending without segmentation, which would leave bursts uncut at its other end (--segmentation on for an ordinary host there)", link)
	} else if c.cfg.Segmentation == "on" {
		return nil
	}
	return c.sender.DisableSegmentation()
}

func (c *channel) open() (input.Input, error) {
	in, err := input.Open(c.cfg.Input, input.Options{
		Loop: c.cfg.Loop, Silence: c.cfg.Silence, Reconnect: *c.cfg.Reconnect,
		OnEvent: func(m string) { c.say("%s", m) },
	})
	if err == nil {
		c.inputName = in.Name()
	}
	return in, err
}

func (c *channel) close() {
	if c.input != nil {
		_ = c.input.Close()
	}
	if c.sender != nil {
		_ = c.sender.Close()
	}
	c.input, c.sender = nil, nil
}

func (c *channel) report() Report {
	n, health := c.progress.Counts(), c.progress.Health()
	return Report{
		Channel: c.cfg.Name, Input: c.inputName, End: c.end, DurationS: time.Since(c.began).Seconds(),
		Payloads: n.Payloads, Bytes: n.MediaBytes, Headers: n.Headers, Entries: n.Entries + n.Unicast,
		Unicast: n.Unicast, Unsent: n.Unsent, Lost: health.Lost, Warnings: n.Warnings, Viewers: c.atEnd,
		Delivery: c.delivery, ITR: c.itrStats(),
	}
}

// Status is a line about each channel for people.
func (s *Station) Status() []string {
	var lines []string
	for _, c := range s.channels {
		if c.keep != nil {
			if role := c.keep.standby(); role != "" {
				lines = append(lines, c.cfg.Name+": "+role)
				continue
			}
		}
		n, health := c.progress.Counts(), c.progress.Health()
		d := c.viewers.Counts()
		line := fmt.Sprintf("%s: %d viewers (%d by CoreCast, %d by unicast, %d unresolved), %d payloads, %d headers, %d unsent",
			c.cfg.Name, d.CoreCast+d.Unicast+d.Unresolved, d.CoreCast, d.Unicast, d.Unresolved, n.Payloads, n.Headers, n.Unsent)
		if n := c.itrStats(); n != nil {
			line += fmt.Sprintf(", %d copies to RLOCs", n.Copies)
		}
		if health.Bitrate > 0 {
			line += fmt.Sprintf(", input %.2f Mbit/s", float64(health.Bitrate)/1e6)
		}
		if health.Lost > 0 {
			line += fmt.Sprintf(", %d continuity errors", health.Lost)
		}
		lines = append(lines, line)
	}
	if n := s.Mappings(); n != nil {
		lines = append(lines, mappingsLine(n))
	}
	return lines
}
