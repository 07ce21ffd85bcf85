package source

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/ts"
)

const (
	// readSize is the least room offered to an input.
	readSize = 64 << 10
	// maxLookahead is how far a chunker reads ahead for the next clock
	// reference: 100 ms, the most there should be, at 320 Mbit/s.
	maxLookahead = 4 << 20
	// maxIdle is how long a live input may leave a chunk unfinished before
	// what there is of it is sent.
	maxIdle = 250 * time.Millisecond
)

// ErrEmpty: an input without a single byte.
var ErrEmpty = errors.New("is empty")

// chunker cuts an input into chunks and knows when each is due.
type chunker struct {
	in   input.Input
	size int
	warn func(format string, args ...any)

	buf    []byte
	r, w   int   // buf[r:w] is read and not yet handed out
	offset int64 // in the stream, of buf[r]
	err    error // why there will be no more bytes
	feed   *feed // in, if it is live
	idle   bool  // nothing has come for maxIdle

	// For media paced by its clock; timeline is nil when it is not.
	timeline *ts.Timeline
	scanner  *ts.Scanner // nil for opaque media
	monitor  ts.Monitor
	bitrate  int  // that the timeline falls back to
	blind    bool // no clock reference within maxLookahead: stop looking ahead
	warned   bool
	losses   uint64
}

// open reads the beginning of the input and refuses what cannot be sent.
// Unless opaque is set, that is all but MPEG-TS.
func (c *chunker) open(opaque bool) error {
	need := 1
	if !opaque {
		need = ts.CheckSize
	}
	for c.w < need && c.err == nil {
		c.read()
	}
	if c.w == 0 && c.err == io.EOF {
		return fmt.Errorf("input %s %w: there is nothing to send", c.in.Name(), ErrEmpty)
	}
	if c.w == 0 {
		return c.readError()
	}
	if opaque {
		c.scanner = nil
		return nil
	}
	start, err := ts.Check(c.buf[:c.w])
	if err != nil {
		return fmt.Errorf("input %s is %w; other media can be sent as it is: --opaque", c.in.Name(), err)
	}
	if start > 0 {
		c.warn("input %s starts in the middle of a packet: its first %d bytes are sent as they are", c.in.Name(), start)
	}
	c.scanner = new(ts.Scanner)
	c.scanner.Skip(start)
	c.scan(c.buf[start:c.w])
	return nil
}

// next returns the next chunk, valid until the following call, and when it is
// due. After the last one it returns io.EOF or what ended the input.
func (c *chunker) next() (media []byte, due time.Duration, err error) {
	for c.idle = false; !c.ready() && c.err == nil && !c.idle; {
		c.read()
	}
	if c.r == c.w {
		return nil, 0, c.readError()
	}
	media = c.buf[c.r:min(c.r+c.size, c.w)]
	if c.timeline != nil {
		due = c.due()
	}
	c.r += len(media)
	c.offset += int64(len(media))
	return media, due, nil
}

// back makes the next chunk begin n bytes earlier: those of the last one.
func (c *chunker) back(n int) {
	c.r -= n
	c.offset -= int64(n)
}

// nextDue is when the chunk after the last one is due, as far as is known.
func (c *chunker) nextDue() time.Duration { return c.timeline.At(c.offset) }

// ahead is how many bytes are read and not yet handed out.
func (c *chunker) ahead() int { return c.w - c.r }

func (c *chunker) due() time.Duration {
	if !c.timeline.Started() {
		c.warnNoClock()
	}
	return c.timeline.At(c.offset)
}

func (c *chunker) warnNoClock() {
	if c.warned {
		return
	}
	c.warned = true
	what := "the beginning of input " + c.in.Name()
	if c.scanner == nil {
		what = "opaque media like input " + c.in.Name()
	}
	c.warn("there is no clock (PCR) in %s: pacing at %d bit/s; say so if its bitrate is another (--bitrate)", what, c.bitrate)
}

// ready says whether the next chunk can go: it is complete, and its time is
// known as well as it will ever be.
func (c *chunker) ready() bool {
	held := c.w - c.r
	if held < c.size {
		return false
	}
	if c.scanner == nil || c.timeline == nil || c.timeline.Known(c.offset) {
		return true
	}
	c.blind = c.blind || held >= maxLookahead
	return c.blind
}

// read reads more from the input, making room for it first.
func (c *chunker) read() {
	if len(c.buf)-c.w < readSize {
		held := c.w - c.r
		if len(c.buf)-held < 2*readSize {
			grown := make([]byte, max(2*len(c.buf), 4*readSize))
			copy(grown, c.buf[c.r:c.w])
			c.buf = grown
		} else {
			copy(c.buf, c.buf[c.r:c.w])
		}
		c.r, c.w = 0, held
	}
	n, err := c.take(c.buf[c.w:])
	fresh := c.buf[c.w : c.w+n]
	c.w += n
	c.err = err
	if c.scanner != nil {
		c.scan(fresh)
	}
}

// take reads from the input. A live one that has begun a chunk is not waited
// for long.
func (c *chunker) take(b []byte) (int, error) {
	if c.feed == nil || c.r == c.w {
		return c.in.Read(b)
	}
	n, err := c.feed.readWithin(b, maxIdle)
	if err == errIdle {
		c.idle, err = true, nil
	}
	return n, err
}

// scan watches the packets in fresh bytes, and looks for clock references.
func (c *chunker) scan(fresh []byte) {
	for {
		packet, offset, rest := c.scanner.Next(fresh)
		if packet == nil {
			break
		}
		fresh = rest
		c.monitor.Packet(packet)
		if c.timeline == nil {
			continue
		}
		if ref, ok := ts.ReadPCR(packet); ok {
			c.timeline.Add(offset, ref)
			c.blind = false
		}
	}
	if losses := c.scanner.Losses(); losses > c.losses {
		c.losses = losses
		c.warn("input %s lost its packet boundaries (%d times so far): its bytes are sent as they are", c.in.Name(), losses)
	}
}

// readError is why there are no more bytes, with the input's name.
func (c *chunker) readError() error {
	if c.err == io.EOF || errors.Is(c.err, input.ErrSilent) {
		return c.err
	}
	return fmt.Errorf("cannot read input %s: %w", c.in.Name(), c.err)
}
