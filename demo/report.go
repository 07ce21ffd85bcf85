package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/corecast/corecast/source"
)

// Report is the outcome of a run; its JSON is part of the command's contract.
type Report struct {
	Target               Target     `json:"target"`
	Clients              int        `json:"clients"`
	Domains              int        `json:"domains"`
	Payloads             uint64     `json:"payloads"`
	PayloadBytes         int        `json:"payload_bytes"` // media in a full payload
	MediaBytes           uint64     `json:"media_bytes"`
	Headers              uint64     `json:"headers"`
	TransitPayloadCopies uint64     `json:"transit_payload_copies"`
	List                 int        `json:"list"`                  // viewers in a header packet, at most
	TransitBytes         uint64     `json:"transit_bytes"`         // IP bytes from ITR to ETRs
	TransitHeaderBytes   uint64     `json:"transit_header_bytes"`  // those of header packets
	TransitBytesUnicast  uint64     `json:"transit_bytes_unicast"` // what unicast over LISP would have cost
	TransitPacketsLost   uint64     `json:"transit_packets_lost"`
	Delivered            uint64     `json:"delivered"`
	Lost                 uint64     `json:"lost"`
	LostHeaders          uint64     `json:"lost_header_packet"` // lost because …
	LostCopies           uint64     `json:"lost_payload_copy"`
	LostUnexplained      uint64     `json:"lost_unexplained"`
	Corrupt              uint64     `json:"corrupt"`
	FirstDeliveryMS      int64      `json:"first_delivery_ms"` // from the start of the run, network set up included
	P50LatencyUS         uint64     `json:"p50_latency_us"`
	P99LatencyUS         uint64     `json:"p99_latency_us"`
	DurationS            float64    `json:"duration_s"`
	ClockShifts          uint64     `json:"clock_shifts"`        // times the source fell behind the stream's clock
	InputEnd             string     `json:"input_end,omitempty"` // why the input ended, if it did not just end
	Viewers              []Line     `json:"viewers"`
	Refused              []Refusals `json:"refused,omitempty"` // what switches dropped or punted
	expectedCopies       uint64
	copiesWithoutRepeats uint64
	lossAsked            bool
}

// Line is one viewer's part of the report.
type Line struct {
	Viewer    string `json:"viewer"`
	Domain    int    `json:"domain"`
	Address   string `json:"address"`
	Delivered uint64 `json:"delivered"`
	Lost      uint64 `json:"lost"`
	Corrupt   uint64 `json:"corrupt"`
}

// report settles every viewer and adds everything up.
func (s *stage) report(started time.Time, took time.Duration) Report {
	o := s.options
	payloads, mediaBytes := s.log.totals()
	counts := s.transit.snapshot()
	r := Report{
		Target: o.Target, Clients: o.Clients, Domains: o.Domains,
		Payloads: payloads, PayloadBytes: o.Payload, MediaBytes: mediaBytes,
		Headers: counts.Headers, TransitPayloadCopies: counts.Copies,
		TransitBytes: counts.Bytes, TransitHeaderBytes: counts.HeaderBytes, List: o.List, TransitPacketsLost: counts.Lost,
		TransitBytesUnicast: unicastBytes(o.Clients, payloads, mediaBytes),
		DurationS:           took.Seconds(),
		Corrupt:             s.strays.Load(),
		ClockShifts:         s.progress.Counts().Shifts,
		lossAsked:           o.Loss > 0,
	}
	perDomain := make([]int, o.Domains+1)
	var latency histogram
	var first time.Time
	for _, v := range s.viewers {
		c, delays := v.settle()
		perDomain[c.Domain]++
		// What never reached the transit network was never announced.
		if seen := c.Delivered + c.Lost; seen < payloads {
			c.causes[causeUnexplained] += payloads - seen
			c.Lost += payloads - seen
		}
		r.Delivered += c.Delivered
		r.Lost += c.Lost
		r.Corrupt += c.Corrupt
		r.LostHeaders += c.causes[causeHeaderLost]
		r.LostCopies += c.causes[causeCopyLost]
		r.LostUnexplained += c.causes[causeUnexplained]
		r.Viewers = append(r.Viewers, Line{c.Name, c.Domain, c.Address.String(), c.Delivered, c.Lost, c.Corrupt})
		latency.merge(&delays)
		if !c.first.IsZero() && (first.IsZero() || c.first.Before(first)) {
			first = c.first
		}
	}
	for _, n := range perDomain {
		if n > 0 {
			r.copiesWithoutRepeats += payloads
			r.expectedCopies += payloads * copiesFor(n, o.List, o.Redundancy)
		}
	}
	if !first.IsZero() {
		r.FirstDeliveryMS = first.Sub(started).Milliseconds()
	}
	r.P50LatencyUS, r.P99LatencyUS = latency.quantile(0.50), latency.quantile(0.99)
	return r
}

// copiesFor returns how many copies of a payload a domain is sent: one, and for
// its h header packets ⌊(h−1)/n⌋ repeats.
func copiesFor(viewers, list, redundancy int) uint64 {
	if redundancy == 0 {
		return 1
	}
	headers := (viewers + list - 1) / list
	return 1 + uint64((headers-1)/redundancy)
}

// Verdict returns nil if the network did what it promises, else what it did
// not do. Without loss every viewer has every payload; with loss every payload
// missing has a cause. Transit carried each payload exactly as often as it
// must.
func (r *Report) Verdict() error {
	total := uint64(r.Clients) * r.Payloads
	switch {
	case r.Payloads == 0:
		return fmt.Errorf("no media was sent%s", r.because())
	case r.Corrupt > 0:
		return fmt.Errorf("%d packets reached a viewer with bytes that were never sent", r.Corrupt)
	case r.LostUnexplained > 0:
		return fmt.Errorf("%d of %d deliveries are missing and no packet lost in transit explains it; see what the switches refused", r.LostUnexplained, total)
	case !r.lossAsked && r.Lost > 0:
		return fmt.Errorf("%d of %d deliveries are missing", r.Lost, total)
	case r.Delivered+r.Lost != total:
		return fmt.Errorf("delivered %d and lost %d do not add up to %d viewers × %d payloads",
			r.Delivered, r.Lost, r.Clients, r.Payloads)
	case r.TransitPayloadCopies != r.expectedCopies:
		return fmt.Errorf("transit carried %d payload copies, %d were right (each payload once to each domain, and the repeats asked for)",
			r.TransitPayloadCopies, r.expectedCopies)
	}
	return nil
}

func (r *Report) because() string {
	if r.InputEnd == "" {
		return ""
	}
	return ": " + r.InputEnd
}

// WriteText writes the report in plain words.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	total := uint64(r.Clients) * r.Payloads
	fmt.Fprintf(&b, "\n%d viewers in %d domains were sent %s payloads (%s of media) in %.1f s over %s switches.\n",
		r.Clients, r.Domains, count(r.Payloads), size(r.MediaBytes), r.DurationS, r.Target)
	fmt.Fprintf(&b, "  delivered  %s of %s, bit-exact\n", count(r.Delivered), count(total))
	fmt.Fprintf(&b, "  lost       %s", count(r.Lost))
	if r.Lost > 0 {
		fmt.Fprintf(&b, "  (%s header packets lost in transit, %s payload copies lost in transit, %s unexplained)",
			count(r.LostHeaders), count(r.LostCopies), count(r.LostUnexplained))
	}
	fmt.Fprintf(&b, "\n  corrupt    %s\n", count(r.Corrupt))
	fmt.Fprintf(&b, "  transit    %s payload copies", count(r.TransitPayloadCopies))
	if r.TransitPayloadCopies != r.expectedCopies {
		fmt.Fprintf(&b, ", not the %s of", count(r.expectedCopies))
	} else {
		b.WriteString(":")
	}
	b.WriteString(" each payload once to each domain")
	if r.expectedCopies > r.copiesWithoutRepeats {
		fmt.Fprintf(&b, ", and %s repeats against loss", count(r.expectedCopies-r.copiesWithoutRepeats))
	}
	fmt.Fprintf(&b, "\n             %s on the wire; unicast would have taken %s", size(r.TransitBytes), size(r.TransitBytesUnicast))
	if r.TransitBytes > 0 {
		fmt.Fprintf(&b, " (%.2f times as much)", float64(r.TransitBytesUnicast)/float64(r.TransitBytes))
	}
	fmt.Fprintf(&b, "\n             %s of it in %s header packets", size(r.TransitHeaderBytes), count(r.Headers))
	if r.List > 1 {
		fmt.Fprintf(&b, " of up to %d viewers", r.List)
	}
	b.WriteString("\n")
	if r.Delivered > 0 {
		fmt.Fprintf(&b, "  latency    source to viewer: half within %s, 99 %% within %s; first media after %d ms\n",
			micros(r.P50LatencyUS), micros(r.P99LatencyUS), r.FirstDeliveryMS)
	}
	if r.ClockShifts > 0 {
		fmt.Fprintf(&b, "  pace       fell %d times more than %v behind the stream's clock: too much for this machine\n",
			r.ClockShifts, source.MaxLag)
	}
	for _, refused := range r.Refused {
		fmt.Fprintf(&b, "  switch     %s\n", refused)
	}
	if r.InputEnd != "" {
		fmt.Fprintf(&b, "  input      %s\n", r.InputEnd)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// count formats n with thin groups of three digits.
func count(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size formats a number of bytes.
func size(n uint64) string {
	switch {
	case n >= 10e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// micros formats a latency in microseconds.
func micros(us uint64) string {
	if us >= 10_000 {
		return fmt.Sprintf("%.1f ms", float64(us)/1000)
	}
	return fmt.Sprintf("%d µs", us)
}
