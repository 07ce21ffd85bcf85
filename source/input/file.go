package input

import (
	"fmt"
	"io"
	"os"
)

// fromFile makes an Input of an open file, and closes the file if it cannot.
// A pipe or a device by its path is read like standard input.
func fromFile(f *os.File, name string, opts Options) (Input, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("cannot open input %s: %w", name, err)
	case info.IsDir():
		err = fmt.Errorf("%w: %s is a directory; give a file in it", ErrName, name)
	case !info.Mode().IsRegular() && opts.Loop:
		err = errLoop(name)
	case !info.Mode().IsRegular():
		return &stream{File: f, name: name}, nil
	default:
		return &file{media: f, closer: f, name: name, loop: opts.Loop}, nil
	}
	_ = f.Close()
	return nil, err
}

// FromReadSeeker makes an Input of media in memory. Only Options.Loop applies.
func FromReadSeeker(name string, media io.ReadSeeker, opts Options) Input {
	return &file{media: media, name: name, loop: opts.Loop}
}

// file is media that can be read at any speed, once or again and again.
type file struct {
	media  io.ReadSeeker
	closer io.Closer // nil for media in memory
	name   string
	loop   bool
	round  int64 // bytes read since the beginning
}

func (f *file) Name() string { return f.name }
func (f *file) Live() bool   { return false }

func (f *file) Read(b []byte) (int, error) {
	for {
		n, err := f.media.Read(b)
		f.round += int64(n)
		if n > 0 || err != io.EOF {
			return n, err
		}
		if !f.loop || f.round == 0 { // an empty file has no second round
			return 0, io.EOF
		}
		if _, err := f.media.Seek(0, io.SeekStart); err != nil {
			return 0, fmt.Errorf("cannot play %s again: %w", f.name, err)
		}
		f.round = 0
	}
}

func (f *file) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}
