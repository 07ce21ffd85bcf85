package tail

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	var kept Tail
	for i := range Size / 4 {
		if n, err := fmt.Fprintf(&kept, "line %d\n", i); n == 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	last := fmt.Sprintf("line %d", Size/4-1)
	if s := kept.String(); len(s) > Size || !strings.HasSuffix(s, last) {
		t.Errorf("%d bytes that end in %q, want at most %d that end in %q", len(s), s[max(0, len(s)-20):], Size, last)
	}
	if s := kept.LastLines(2); s != fmt.Sprintf("line %d\n%s", Size/4-2, last) {
		t.Errorf("the last lines are %q", s)
	}
	if s := new(Tail).LastLines(2); s != "" {
		t.Errorf("nothing was written, and the last lines are %q", s)
	}
}
