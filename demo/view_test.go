package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func progressOf(viewers, domains int) Progress {
	p := Progress{Elapsed: time.Second, Payloads: 4_000, Headers: 28_000, Transit: 20e6, Unicast: 40e6}
	for i := range viewers {
		p.Viewers = append(p.Viewers, viewerCounts{Name: viewerName(i), Domain: 1 + i*domains/viewers, Delivered: 4_000})
	}
	return p
}

// A picture fits a terminal of 80 by 24, and the next one takes all of it away.
func TestPictureIsDrawnOver(t *testing.T) {
	for _, size := range []struct{ viewers, domains int }{{1, 1}, {7, 3}, {12, 12}, {13, 3}, {200, 20}, {1000, 200}} {
		var out strings.Builder
		v := NewView(&out, true)
		v.Show(progressOf(size.viewers, size.domains))
		first := out.String()
		lines := strings.Split(strings.TrimSuffix(strings.NewReplacer(wrapOff, "", wrapOn, "").Replace(first), "\n"), "\n")
		if len(lines) < 4 || len(lines) > 23 {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("%v: %q is wider than 80 columns", size, line)
			}
		}
		out.Reset()
		v.Show(progressOf(size.viewers, size.domains))
		if up := fmt.Sprintf("\x1b[%dA\x1b[J", len(lines)); !strings.HasPrefix(out.String(), up) {
			t.Errorf("%v: the second picture does not begin by erasing %d lines", size, len(lines))
		}
	}
}

// Elsewhere than on a terminal there is a line now and then, without escapes.
func TestLinesForLogs(t *testing.T) {
	var out strings.Builder
	v := NewView(&out, false)
	p := progressOf(7, 3)
	for range 10 {
		p.Elapsed += 500 * time.Millisecond
		v.Show(p)
	}
	if text := out.String(); strings.Count(text, "\n") != 3 || strings.Contains(text, "\x1b") || !strings.Contains(text, "received 28,000") {
		t.Errorf("got\n%s", text)
	}
}
