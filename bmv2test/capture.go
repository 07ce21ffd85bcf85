package bmv2test

import (
	"io"
	"sync"
	"time"

	"github.com/corecast/corecast/internal/pcap"
)

// capture remembers the last frames seen, for a look after a failure. A nil
// capture remembers nothing.
type capture struct {
	mu     sync.Mutex // guards the rest
	frames []captured // a ring
	next   int
}

type captured struct {
	at   time.Time
	data []byte
}

func newCapture(frames int) *capture {
	if frames <= 0 {
		return nil
	}
	return &capture{frames: make([]captured, frames)}
}

func (c *capture) add(frame []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	slot := &c.frames[c.next]
	slot.at = time.Now()
	slot.data = append(slot.data[:0], frame...)
	c.next = (c.next + 1) % len(c.frames)
}

// writePcap writes the frames, oldest first, as a pcap file.
func (c *capture) writePcap(w io.Writer) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := pcap.Header(pcap.Ethernet)
	for i := range c.frames {
		f := c.frames[(c.next+i)%len(c.frames)]
		if f.at.IsZero() {
			continue
		}
		out = pcap.Append(out, f.at, f.data)
	}
	_, err := w.Write(out)
	return err
}
