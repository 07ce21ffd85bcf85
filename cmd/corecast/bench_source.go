package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/bench"
	"github.com/corecast/corecast/cmd/corecast/cli"
)

func newBenchSource() *cobra.Command {
	o, asJSON, plot := bench.DefaultSourceOptions(), false, ""
	cmd := &cobra.Command{
		Use:   "source",
		Short: "What a source sends: per core at most, and kept up in real time",
		Long: `Sends over the loopback interface: header packets as fast as one core can, beside a
bare loop of UDP_SEGMENT and one sendto a packet, all in turns; then the paper's
stream (40 payloads a second) to 10,003 viewers one by one and to 100,000 in lists,
in real time; then the paper's figure 8.`,
		Example: `  corecast bench source --json
  corecast bench source --duration 60s --plot figure8.svg`,
		Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Turns < 1 || o.Slice <= 0 || o.Sustain <= 0 || o.Scale < 0 {
				return cli.Usagef("--turns %d, --slice %v, --duration %v, --scale %v: want at least 1, more than 0, more than 0, and 0 or more",
					o.Turns, o.Slice, o.Sustain, o.Scale)
			}
			if plot != "" && o.Scale == 0 {
				return cli.Usagef("--plot %s draws the scaling factors: give them time (--scale 2s)", plot)
			}
			r, err := bench.Source(cmd.Context(), o)
			if err != nil {
				return err
			}
			if plot != "" {
				if err := writePlot(plot, r); err != nil {
					return err
				}
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.WriteText(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Turns, "turns", o.Turns, "how often to measure each way of sending")
	f.DurationVar(&o.Slice, "slice", o.Slice, "how long to measure one at a time")
	f.DurationVar(&o.Sustain, "duration", o.Sustain, "how long to keep up each load in real time")
	f.DurationVar(&o.Scale, "scale", o.Scale, "how long to keep up each of the paper's scaling factors; 0 leaves them out")
	f.StringVar(&plot, "plot", "", "draw figure 8 into `FILE` (SVG)")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func writePlot(path string, r *bench.Report) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot draw the plot: %w", err)
	}
	if err := bench.PlotSource(f, r); err != nil {
		_ = f.Close()
		return fmt.Errorf("cannot draw the plot %s: %w", path, err)
	}
	return f.Close()
}
