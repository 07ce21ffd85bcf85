// Package input opens the places media comes from: files, standard input, UDP,
// RTP and SRT. An Input is read like any reader; it also knows its name, and whether
// it is live, that is, whether its bytes must be taken when they come or wait
// to be read.
//
// It promises errors in plain words that name the input and what can be done,
// and that Close ends a Read under way, so that an input that has gone quiet
// cannot hold up its reader.
package input

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
)

// Input is media from somewhere. Read is for one goroutine; Close may be
// called at any time, more than once, and makes Read return os.ErrClosed (or
// net.ErrClosed).
type Input interface {
	io.ReadCloser
	// Name is what the input is called in messages.
	Name() string
	// Live says whether bytes arrive at their own speed and are lost if they
	// are not taken. UDP is live; a pipe is not: it holds its writer back,
	// which may be a live encoder or one that runs as fast as it can.
	Live() bool
}

// Why an input cannot be used. Errors wrap these with the input's name.
var (
	// ErrName: not a name of an input.
	ErrName = errors.New("not an input")
	// ErrSilent: a live input from which nothing has come for Options.Silence.
	ErrSilent = errors.New("went silent")
)

// DefaultSilence is how long a live input may be silent.
const DefaultSilence = 5 * time.Second

// Options change how an input behaves.
type Options struct {
	// Loop plays a file again and again. It cannot be asked of a live input.
	Loop bool
	// Silence is how long a live input may be silent before it ends with
	// ErrSilent; 0 means DefaultSilence.
	Silence time.Duration
	// Reconnect makes a live input wait for media, and for the next
	// connection, for ever. Silence is told then, and is no end.
	Reconnect bool
	// OnEvent, if not nil, is told in words what happens to a live input. It
	// is called by whoever reads, and by a goroutine that accepts connections.
	OnEvent func(message string)
}

func (o Options) withDefaults() Options {
	if o.Silence == 0 {
		o.Silence = DefaultSilence
	}
	return o
}

func (o Options) event(format string, args ...any) {
	if o.OnEvent != nil {
		o.OnEvent(fmt.Sprintf(format, args...))
	}
}

// forms are the names that Open understands.
const forms = "give a file, - for standard input, udp://host:port, rtp://host:port, or srt://host:port"

// Open opens an input by name:
//   - a file, or "-" for standard input;
//   - udp://host:port to receive datagrams, host empty for all addresses, a
//     multicast group to join it (?iface=eth0, ?sources=192.0.2.1);
//   - rtp://host:port the same over RTP;
//   - srt://host:port to call somebody who has media, srt://:port?mode=listener
//     to be called (?passphrase=…, ?streamid=…, ?latency=ms).
func Open(name string, opts Options) (Input, error) {
	scheme, _, isURL := strings.Cut(name, "://")
	if live, ok := openers[scheme]; ok && isURL {
		if opts.Loop {
			return nil, errLoop(name)
		}
		return live(name, opts)
	}
	switch {
	case name == "":
		return nil, fmt.Errorf("%w: %q; %s", ErrName, name, forms)
	case name == "-":
		return openStdin(opts)
	}
	if u, err := url.Parse(name); err == nil && u.Scheme != "" && isURL {
		return nil, fmt.Errorf("%w: %q: cannot read %s; %s", ErrName, name, u.Scheme, forms)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot open input: %w", err)
	}
	return fromFile(f, name, opts)
}

// openers open live inputs, by their scheme.
var openers = map[string]func(name string, opts Options) (Input, error){
	"udp": openUDP,
	"rtp": openRTP,
	"srt": openSRT,
}

func errLoop(name string) error {
	return fmt.Errorf("%w: cannot loop %s: only a file can be played again", ErrName, name)
}
