// Package input opens the places media comes from: files, standard input and
// UDP. An Input is read like any reader; it also knows its name, and whether
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
	// ErrSilent: a UDP input from which nothing has come for Options.Silence.
	ErrSilent = errors.New("went silent")
)

// DefaultSilence is how long a UDP input may be silent.
const DefaultSilence = 5 * time.Second

// Options change how an input behaves.
type Options struct {
	// Loop plays a file again and again. It cannot be asked of a live input.
	Loop bool
	// Silence is how long a UDP input may be silent before it ends with
	// ErrSilent; 0 means DefaultSilence.
	Silence time.Duration
}

// Open opens an input by name: a file, "-" for standard input, or
// udp://host:port to receive datagrams (host empty for all addresses, a
// multicast group to join it).
func Open(name string, opts Options) (Input, error) {
	switch {
	case name == "":
		return nil, fmt.Errorf("%w: %q; give a file, - for standard input, or udp://host:port", ErrName, name)
	case name == "-":
		return openStdin(opts)
	case strings.HasPrefix(name, "udp://"):
		if opts.Loop {
			return nil, errLoop(name)
		}
		return openUDP(name, opts.Silence)
	}
	if u, err := url.Parse(name); err == nil && u.Scheme != "" && strings.Contains(name, "://") {
		return nil, fmt.Errorf("%w: %q: cannot read %s; give a file, - for standard input, or udp://host:port", ErrName, name, u.Scheme)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot open input: %w", err)
	}
	return fromFile(f, name, opts)
}

func errLoop(name string) error {
	return fmt.Errorf("%w: cannot loop %s: only a file can be played again", ErrName, name)
}
