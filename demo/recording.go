package demo

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// recording is the file of what one viewer received.
type recording struct {
	file          *os.File
	*bufio.Writer // keeps its first error
}

func recordingPath(dir, viewer string) string { return filepath.Join(dir, viewer+".ts") }

func newRecording(dir, viewer string) (*recording, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &OptionError{"record", dir, "a directory that can be made: " + err.Error()}
	}
	f, err := os.Create(recordingPath(dir, viewer))
	if err != nil {
		return nil, &OptionError{"record", dir, "a directory that can be written to: " + err.Error()}
	}
	return &recording{f, bufio.NewWriterSize(f, 1<<16)}, nil
}

func (r *recording) close() error {
	flushed, closed := r.Flush(), r.file.Close()
	if flushed != nil {
		return flushed
	}
	return closed
}

// closeRecordings writes everything out. Calling it again does nothing. A full
// disk fails them all: one error speaks for the others.
func (s *stage) closeRecordings() error {
	var first error
	failed := 0
	for _, v := range s.viewers {
		if err := v.closeRecording(); err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
	}
	switch failed {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("--record %s: %w", s.options.Record, first)
	}
	return fmt.Errorf("--record %s: %d recordings failed, the first: %w", s.options.Record, failed, first)
}

// checkRecord refuses recordings one of which would overwrite the input.
func checkRecord(o Options) error {
	if o.Record == "" {
		return nil
	}
	source, err := os.Stat(o.Input)
	if o.Input == "-" {
		source, err = os.Stdin.Stat()
	}
	if err != nil {
		return nil // no file, so nothing to overwrite
	}
	for i := range o.Clients {
		path := recordingPath(o.Record, viewerName(i))
		if existing, err := os.Stat(path); err == nil && os.SameFile(existing, source) {
			return &OptionError{"record", o.Record, "another directory: " + path + " is the input"}
		}
	}
	return nil
}
