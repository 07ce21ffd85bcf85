package demo

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
)

// recording is the file of what one viewer received.
type recording struct {
	file *os.File
	*bufio.Writer
}

func newRecording(dir, viewer string) (*recording, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &OptionError{"record", dir, "a directory that can be made: " + err.Error()}
	}
	f, err := os.Create(filepath.Join(dir, viewer+".ts"))
	if err != nil {
		return nil, &OptionError{"record", dir, "a directory that can be written to: " + err.Error()}
	}
	return &recording{f, bufio.NewWriterSize(f, 1<<16)}, nil
}

// closeRecordings writes everything out. Calling it again does nothing.
func (s *stage) closeRecordings() error {
	var errs []error
	for _, v := range s.viewers {
		errs = append(errs, v.recordError())
	}
	for _, r := range s.records {
		errs = append(errs, r.Flush(), r.file.Close())
	}
	s.records = nil
	return errors.Join(errs...)
}
