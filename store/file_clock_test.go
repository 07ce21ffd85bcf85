package store

import (
	"strings"
	"testing"
	"time"
)

// TestDeadlinesHeedNoClock checks that what leases are compared by carries the
// monotonic clock, which nobody can set; Go then leaves the other alone.
func TestDeadlinesHeedNoClock(t *testing.T) {
	d := newDeadlines(time.Now)
	d.set(1, time.Hour)
	if !d.renew(1) {
		t.Fatal("a lease of an hour is over")
	}
	for what, at := range map[string]time.Time{"deadline": d.at[1].at, "earliest": d.earliest} {
		if !strings.Contains(at.String(), " m=+") {
			t.Errorf("the %s %v is one of the clock on the wall", what, at)
		}
	}
}
