package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/corecast/corecast/wire/inet"
)

// Progress is a moment of a running demo.
type Progress struct {
	Stage    string // what is being set up; empty while media flows
	Elapsed  time.Duration
	Payloads uint64
	Headers  uint64
	Transit  uint64 // bytes
	Unicast  uint64 // bytes that unicast would have taken
	Viewers  []viewerCounts
}

// View shows progress to a person: on a terminal a picture that is drawn over
// again, elsewhere a line every two seconds.
type View struct {
	out      io.Writer
	terminal bool
	drawn    int // lines of the picture on the screen
	lastLine time.Duration
}

// NewView returns a view that writes to out.
func NewView(out io.Writer, terminal bool) *View {
	return &View{out: out, terminal: terminal, lastLine: -linePeriod}
}

const (
	linePeriod     = 2 * time.Second
	mostViewerRows = 12 // more viewers than that are shown by domain
	mostRows       = 18 // of domains: a picture taller than the screen cannot be drawn over

	// A line that wrapped would be two to erase.
	wrapOff, wrapOn = "\x1b[?7l", "\x1b[?7h"
)

// Show shows p.
func (v *View) Show(p Progress) {
	if p.Stage != "" {
		v.erase()
		fmt.Fprintf(v.out, "%s\n", p.Stage)
		return
	}
	if !v.terminal {
		if p.Elapsed-v.lastLine >= linePeriod {
			v.lastLine = p.Elapsed
			fmt.Fprintln(v.out, deliveryLine(p)+"  "+transitLine(p))
		}
		return
	}
	lines := append([]string{deliveryLine(p), "         " + transitLine(p), ""}, rows(p)...)
	v.erase()
	fmt.Fprint(v.out, wrapOff+strings.Join(lines, "\n")+"\n"+wrapOn)
	v.drawn = len(lines)
}

// erase takes the last picture off the screen.
func (v *View) erase() {
	if v.drawn > 0 {
		fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// deliveryLine says what the source sent and the viewers have.
func deliveryLine(p Progress) string {
	var received, lost, corrupt uint64
	for _, c := range p.Viewers {
		received, lost, corrupt = received+c.Delivered, lost+c.Lost, corrupt+c.Corrupt
	}
	return fmt.Sprintf("%5.1f s  payloads %s  headers %s  received %s  lost %s  corrupt %s", p.Elapsed.Seconds(),
		count(p.Payloads), count(p.Headers), count(received), count(lost), count(corrupt))
}

// transitLine says what that took, and what unicast would have.
func transitLine(p Progress) string {
	s := fmt.Sprintf("transit %s, unicast %s", size(p.Transit), size(p.Unicast))
	if p.Transit > 0 {
		s += fmt.Sprintf(" (×%.2f)", float64(p.Unicast)/float64(p.Transit))
	}
	return s
}

// rows draws a bar for each viewer, or for each domain when they are many:
// how much of what was sent it has.
func rows(p Progress) []string {
	type row struct {
		label                string
		got, lost, bad, want uint64
	}
	var all []row
	if len(p.Viewers) <= mostViewerRows {
		for _, c := range p.Viewers {
			all = append(all, row{fmt.Sprintf("domain %d  %-9s", c.Domain, c.Name), c.Delivered, c.Lost, c.Corrupt, p.Payloads})
		}
	} else {
		for _, c := range p.Viewers { // numbered in order of their domains
			if len(all) < c.Domain {
				all = append(all, row{label: fmt.Sprintf("domain %-3d", c.Domain)})
			}
			r := &all[len(all)-1]
			r.got, r.lost, r.bad, r.want = r.got+c.Delivered, r.lost+c.Lost, r.bad+c.Corrupt, r.want+p.Payloads
		}
	}
	var lines []string
	for i, r := range all {
		if i == mostRows {
			lines = append(lines, fmt.Sprintf("  and %d more domains", len(all)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  %s %s %s received  %s lost  %s corrupt", r.label, bar(r.got, r.want),
			count(r.got), count(r.lost), count(r.bad)))
	}
	return lines
}

// bar draws part of whole in 20 cells.
func bar(part, whole uint64) string {
	const cells = 20
	full := uint64(0)
	if whole > 0 {
		full = min(part*cells/whole, cells)
	}
	return strings.Repeat("█", int(full)) + strings.Repeat("░", int(cells-full))
}

// unicastBytes is what payloads with so much media would take to so many
// viewers as plain unicast over LISP.
func unicastBytes(clients int, payloads, media uint64) uint64 {
	return uint64(clients) * (media + payloads*lispUnicastOverhead)
}

// lispUnicastOverhead is what such a packet has beside its media: outer IPv4,
// UDP and LISP, then IPv4 and UDP.
const lispUnicastOverhead = 36 + inet.IPv4Size + inet.UDPSize
