package demo

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRecordingSparesTheInput(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "viewer-3.ts")
	if err := os.WriteFile(path, []byte("media"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Input, o.Record = path, dir
	_, err := Run(t.Context(), o, nil)
	var option *OptionError
	if !errors.As(err, &option) || !strings.Contains(err.Error(), "viewer-3.ts is the input") {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); string(got) != "media" || err != nil {
		t.Errorf("the input now has %q, %v", got, err)
	}
	o.Clients = 2 // viewer 3 is not there
	if err := checkRecord(o); err != nil {
		t.Error(err)
	}
}

// A disk that is full fails every recording; people need to read it once.
func TestFullDiskIsOneLine(t *testing.T) {
	s := &stage{options: Options{Record: "dir"}}
	for range 3 {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("no /dev/full on this machine: %v", err)
		}
		r := &recording{full, bufio.NewWriterSize(full, 1)}
		_, _ = r.Write([]byte("media"))
		s.viewers = append(s.viewers, &viewer{record: r})
	}
	err := s.closeRecordings()
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "--record dir: 3 recordings failed") {
		t.Errorf("got %v", err)
	}
	if err := s.closeRecordings(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}
