package main

import (
	"encoding/json"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/bench"
	"github.com/corecast/corecast/cmd/corecast/cli"
)

func newBenchREST() *cobra.Command {
	o, asJSON := bench.DefaultRESTOptions(), false
	cmd := &cobra.Command{
		Use:   "rest",
		Short: "latency of the REST API under load, beside that of a bare fsync",
		Long: `Latency of the REST API at a steady rate of requests, with many channels stored; and
whether it holds many clients that follow the events.

A controller runs in a process of its own, with its store in --dir; the clients are
in this one, on the same CPUs. In turns with the requests a page of a file in the
same directory is written and synced, at the rate of the durable writes.`,
		Example: "  corecast bench rest --json",
		Args:    cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Turns < 1 || o.Slice <= 0 {
				return cli.Usagef("--turns %d, --slice %v: want at least 1 and more than 0", o.Turns, o.Slice)
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.Command = func(config string) *exec.Cmd {
				return exec.Command(self, "controller", "--config", config, "--log-level", "error")
			}
			r, err := bench.REST(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.WriteText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&o.Turns, "turns", o.Turns, "how often to measure")
	cmd.Flags().DurationVar(&o.Slice, "slice", o.Slice, "how long to measure at a time")
	cmd.Flags().IntVar(&o.Channels, "channels", o.Channels, "how many channels are stored")
	cmd.Flags().IntVar(&o.Rate, "rate", o.Rate, "requests a second")
	cmd.Flags().IntVar(&o.Writes, "writes", o.Writes, "one request in so many is a durable write")
	cmd.Flags().IntVar(&o.Followers, "followers", o.Followers, "clients that follow the events, in the end")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "`DIR` for the store; a new one under TMPDIR if it is not given")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
