// Package tail keeps the end of what a program says, for whoever must tell how
// it died. What it keeps is bounded.
package tail

import (
	"strings"
	"sync"
)

// Size is how many bytes a Tail keeps.
const Size = 64 << 10

// Tail keeps the last Size bytes that are written to it. Any number of
// goroutines may use it; the zero Tail is ready.
type Tail struct {
	mu   sync.Mutex // guards data
	data []byte
}

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b...)
	if extra := len(t.data) - Size; extra > 0 {
		t.data = append(t.data[:0], t.data[extra:]...)
	}
	return len(b), nil
}

// String returns what is kept, without the white space around it.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.data))
}

// LastLines returns at most n lines of it.
func (t *Tail) LastLines(n int) string {
	lines := strings.Split(t.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
