package sourcetest

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long what must happen may take, on a busy machine too.
const patience = 30 * time.Second

// Until waits for what must become true, and fails the test if it does not.
func Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// Messages collects what a source says. Any number of goroutines may use it; the
// zero Messages is ready.
type Messages struct {
	mu  sync.Mutex // guards all
	all []string
}

// Add takes a message.
func (m *Messages) Add(message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, message)
}

// String returns the messages, one a line.
func (m *Messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.all, "\n")
}
