package bmv2test

import (
	"strings"
	"sync"
)

// logBytes is how much of a switch's output is kept.
const logBytes = 64 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards data
	data []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b...)
	if extra := len(t.data) - logBytes; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.data))
}
