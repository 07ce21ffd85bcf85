package store

import "testing"

// What comes after the end changes nothing: a feed may be about to tell it.
func TestHistoryAfterItsEnd(t *testing.T) {
	h := newHistory(7)
	h.close()
	h.add(Change{Revision: 8})
	h.forget(9)
	h.close()
	if got := h.revision(); got != 7 {
		t.Errorf("at revision %d after the end, want 7", got)
	}
}
