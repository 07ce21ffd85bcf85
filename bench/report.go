package bench

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"
)

// Report is what a bench found.
type Report struct {
	Machine string   `json:"machine"`
	Commit  string   `json:"commit"`
	Results []Result `json:"results"`
}

// Result is one figure. Against names what was measured beside it in the same
// run, and Ratio is value/against, turn by turn.
type Result struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Runs    int     `json:"runs"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Against string  `json:"against,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
}

func newReport() *Report {
	return &Report{
		Machine: fmt.Sprintf("%s, %d CPUs, %s/%s, %s", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Commit:  commit(),
	}
}

func commit() string {
	revision, modified := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = "+changes"
			}
		}
	}
	return revision + modified
}

// add adds the figure of l, once for each load that it is compared with.
func (r *Report) add(l *load, unit string, against ...*load) {
	res := Result{
		Name: l.name, Value: median(l.times), Unit: unit, Runs: len(l.times),
		Min: slices.Min(l.times), Max: slices.Max(l.times),
	}
	if len(against) == 0 {
		r.Results = append(r.Results, res)
	}
	for _, a := range against {
		res.Against, res.Ratio = a.name, ratio(l, a)
		r.Results = append(r.Results, res)
	}
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s, commit %s\n", r.Machine, r.Commit)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "what\tmedian\tleast\tmost\tunit\tratio\tagainst")
	for _, x := range r.Results {
		fmt.Fprintf(tw, "%s\t%.0f\t%.0f\t%.0f\t%s\t", x.Name, x.Value, x.Min, x.Max, x.Unit)
		if x.Against != "" {
			fmt.Fprintf(tw, "%.3f\t%s", x.Ratio, x.Against)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}
