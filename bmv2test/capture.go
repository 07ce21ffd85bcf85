package bmv2test

import (
	"encoding/binary"
	"io"
	"sync"
	"time"
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

// writePcap writes the frames, oldest first, in pcap's classic format.
func (c *capture) writePcap(w io.Writer) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	le := binary.LittleEndian
	out := le.AppendUint32(nil, 0xa1b2c3d4)
	out = le.AppendUint16(le.AppendUint16(out, 2), 4) // version
	out = le.AppendUint64(out, 0)                     // time zone, accuracy
	out = le.AppendUint32(out, 1<<16)                 // longest frame
	out = le.AppendUint32(out, 1)                     // Ethernet
	for i := range c.frames {
		f := c.frames[(c.next+i)%len(c.frames)]
		if f.at.IsZero() {
			continue
		}
		out = le.AppendUint32(out, uint32(f.at.Unix()))
		out = le.AppendUint32(out, uint32(f.at.Nanosecond()/1000))
		out = le.AppendUint32(out, uint32(len(f.data)))
		out = le.AppendUint32(out, uint32(len(f.data)))
		out = append(out, f.data...)
	}
	_, err := w.Write(out)
	return err
}
