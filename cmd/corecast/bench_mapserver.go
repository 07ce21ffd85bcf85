package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/bench"
	"github.com/corecast/corecast/cmd/corecast/cli"
)

// mapServerProcess is the hidden command that runs the server of `bench
// mapserver`.
const mapServerProcess = "mapserver-process"

func newBenchMapServer() *cobra.Command {
	o, asJSON, against := bench.DefaultMapServerOptions(), false, ""
	cmd := &cobra.Command{
		Use:   "mapserver",
		Short: "Map-Requests and registrations a second, memory, latency, and how soon moves are known",
		Long: `Map-Requests and registrations a second, memory, latency, and how soon moves are known.

The server runs in a process of its own, the clients in another on the same
CPUs. Map-Requests are measured in turns with UDP echoes of the same sizes: bare
ones, each sent by itself, and ones sent together (UDP_SEGMENT) as the Map-Server
sends its answers to one requester.

To compare with another Map-Server on this machine, have it accept what is in
10.0.0.0/8, with proxy replies, and give its address and its process.`,
		Example: `  corecast bench mapserver --json
  corecast bench mapserver --against 127.0.0.2:4342 --against-pid 4711 --against-secret studio`,
		Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Turns < 1 || o.Slice <= 0 {
				return cli.Usagef("--turns %d, --slice %v: want at least 1 and more than 0", o.Turns, o.Slice)
			}
			if against != "" {
				addr, err := netip.ParseAddrPort(against)
				if err != nil || o.AgainstPID <= 0 {
					return cli.Usagef("--against %s --against-pid %d: want an address such as 127.0.0.2:4342, and the process id of the server there", against, o.AgainstPID)
				}
				o.Against = addr
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.Command = func() *exec.Cmd { return exec.Command(self, "bench", mapServerProcess) }
			r, err := bench.MapServer(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.WriteText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&o.Turns, "turns", o.Turns, "how often to measure each thing")
	cmd.Flags().DurationVar(&o.Slice, "slice", o.Slice, "how long to measure one at a time")
	cmd.Flags().IntSliceVar(&o.Sizes, "sizes", o.Sizes, "how many prefixes are registered when Map-Requests are measured")
	cmd.Flags().StringVar(&against, "against", "", "`ADDRESS:PORT` of another Map-Server to compare with")
	cmd.Flags().IntVar(&o.AgainstPID, "against-pid", 0, "its process id, to know the CPU time that it uses")
	cmd.Flags().StringVar(&o.AgainstSecret, "against-secret", "", "register the prefixes there with this secret (key id 0, HMAC-SHA-1)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func newBenchMapServerProcess() *cobra.Command {
	return &cobra.Command{
		Use:    mapServerProcess,
		Hidden: true,
		Short:  "The server that `bench mapserver` measures; it is started by that",
		Args:   cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.ServeMapServer(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
