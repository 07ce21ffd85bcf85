package demo

import (
	"strings"
	"testing"
)

// sound is the report of a run in which everything went well: 7 viewers in 3
// domains, 10 payloads.
func sound() *Report {
	return &Report{Clients: 7, Domains: 3, Payloads: 10, Delivered: 70,
		TransitPayloadCopies: 30, expectedCopies: 30, copiesWithoutRepeats: 30}
}

// The words say no more than the numbers.
func TestTextIsTrue(t *testing.T) {
	for _, c := range []struct {
		change        func(*Report)
		with, without string
	}{
		{func(*Report) {}, "30 payload copies: each payload once to each domain\n", "pace"},
		{func(r *Report) { r.TransitPayloadCopies = 31 }, "31 payload copies, not the 30 of each payload once to each domain\n", "31 payload copies:"},
		{func(r *Report) { r.TransitPayloadCopies, r.expectedCopies = 50, 50 }, "each domain, and 20 repeats against loss\n", "not the"},
		{func(r *Report) { r.Delivered = 0 }, "delivered  0 of 70", "latency"},
		{func(r *Report) { r.ClockShifts = 2 }, "fell 2 times more than 200ms behind", "not the"},
	} {
		r := sound()
		c.change(r)
		var b strings.Builder
		if err := r.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); !strings.Contains(text, c.with) || strings.Contains(text, c.without) {
			t.Errorf("want %q and not %q in\n%s", c.with, c.without, text)
		}
	}
}
