package bench

import (
	"bytes"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/wire"
)

// A short report has all its parts, and its plot all the paper's factors.
func TestSource(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("sources are measured on Linux only")
	}
	if sink, err := newSink(netip.AddrPortFrom(benchReserved, wire.Port)); err != nil {
		t.Skipf("another bench runs: %v", err)
	} else {
		_ = sink.Close()
	}
	o := SourceOptions{Options: Options{Turns: 3, Slice: 5 * time.Millisecond}, Sustain: 200 * time.Millisecond, Scale: 100 * time.Millisecond}
	r, err := Source(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	against, sustained := 0, 0
	for _, x := range r.Results {
		if x.Min > x.Value || x.Max < x.Value || (x.Against != "") != (x.Ratio > 0) {
			t.Errorf("%+v", x)
		}
		if x.Against != "" {
			against++
		}
		if strings.HasSuffix(x.Name, "dropped by the source") {
			sustained++
		}
	}
	if against != 5+paperFactors || sustained != 2 {
		t.Errorf("%d ratios and %d sustained loads in %+v", against, sustained, r.Results)
	}
	var plot bytes.Buffer
	if err := PlotSource(&plot, r); err != nil || strings.Count(plot.String(), "<circle") != paperFactors {
		t.Errorf("%v: %s", err, plot.String())
	}
	if err := PlotSource(&plot, &Report{}); err == nil {
		t.Error("a plot of nothing")
	}
}

// The audiences are what the report says they are.
func TestSourceAudiences(t *testing.T) {
	if n := len(paperViewers(paperFactors)); n != 10_003 {
		t.Errorf("%d viewers, want 10003", n)
	}
	sites := map[string]int{}
	for _, v := range benchViewers(100_000) {
		sites[v.RLOC.String()]++
	}
	if len(sites) != PaperSites || sites[ipv4(rloc(0)).String()] != 500 || 500/wire.MaxEntries != 15 {
		t.Errorf("%d sites", len(sites))
	}
}
