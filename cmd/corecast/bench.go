package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/bench"
	"github.com/corecast/corecast/cmd/corecast/cli"
)

func newBenchCommand() *cobra.Command {
	return cli.Family("bench", "Measure what CoreCast costs beside what the same work costs without it",
		newBenchOf("itr", "CPU time at the ITR for the paper's 1,429 viewers in 200 sites", bench.ITR),
		newBenchOf("memory", "memory of a switch that is filled to the sizes of the P4 program",
			func(bench.Options) (*bench.Report, error) { return bench.Memory(bench.FullSizes()) }),
		newBenchOf("etr", "CPU time at an ETR for each viewer's packet", bench.ETR),
		newBenchSource(), newBenchREST(),
		newBenchMapServer(), newBenchMapServerProcess(),
	)
}

func newBenchOf(name, short string, measure func(bench.Options) (*bench.Report, error)) *cobra.Command {
	o, asJSON := bench.DefaultOptions(), false
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Example: "  corecast bench " + name + " --json",
		Args:    cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Turns < 1 || o.Slice <= 0 {
				return cli.Usagef("--turns %d, --slice %v: want at least 1 and more than 0", o.Turns, o.Slice)
			}
			r, err := measure(o)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.WriteText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&o.Turns, "turns", o.Turns, "how often to measure each workload")
	cmd.Flags().DurationVar(&o.Slice, "slice", o.Slice, "how long to measure one at a time")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
