package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/node"
	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/demo"
	"github.com/corecast/corecast/store"
)

func newDemoCommand() *cobra.Command {
	o := demo.Defaults()
	target, ui, asJSON := string(o.Target), "", false
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Fig. 2 of the paper in one process: media through an ITR and its ETRs to every viewer",
		Long: `Starts a source, its ITR, an ETR for every viewer domain and the viewers, programs
the switches over P4Runtime and streams real media through them. Needs no root and
no other programs (but --target bmv2 does). Exit status 0 only if every viewer
received every payload bit-exact and each domain was sent each payload once.`,
		Example: `  corecast demo --duration 10s
  corecast demo --input film.ts --record /tmp/received --json
  corecast demo --ui 127.0.0.1:8080
  corecast demo --clients 60 --loss 0.05 --seed 1 --redundancy 4 --duration 10s`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("unexpected argument %q: give the media as --input %s", args[0], args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Target = demo.Target(target)
			if ui != "" {
				if err := checkDashboard(ui); err != nil {
					return err
				}
				o.Control = withDashboard(ui, cmd.ErrOrStderr())
				o.Loop = o.Duration == 0 && isFile(o.Input)
			}
			view := demo.NewView(cmd.ErrOrStderr(), term.IsTerminal(int(os.Stderr.Fd())))
			report, err := demo.Run(cmd.Context(), o, view.Show)
			if err != nil {
				return demoError(err)
			}
			if asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(report)
			} else {
				err = report.WriteText(cmd.OutOrStdout())
			}
			return errors.Join(err, verdict(report))
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.Duration, "duration", o.Duration, "how long to stream; 0 = to the end of the input (the built-in clip has none)")
	f.StringVar(&o.Input, "input", o.Input, "media: an MPEG-TS file, udp://[group]:port or - (default the built-in clip)")
	f.BoolVar(&o.Opaque, "opaque", o.Opaque, "take the media as it is, whatever it is")
	f.IntVar(&o.Bitrate, "bitrate", o.Bitrate, "bit/s of media that has no clock of its own (default 4000000)")
	f.IntVar(&o.Clients, "clients", o.Clients, "viewers in all")
	f.IntVar(&o.Domains, "domains", o.Domains, "viewer domains, each with an ETR")
	f.IntVar(&o.Payload, "payload", o.Payload, "media bytes in a payload packet")
	f.IntVar(&o.List, "list", o.List, "viewers in a header packet")
	f.IntVar(&o.Redundancy, "redundancy", o.Redundancy, "repeat a payload copy after so many headers to one domain; 0 = never")
	f.Float64Var(&o.Loss, "loss", o.Loss, "share of transit packets to lose, as 0.05")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of the loss")
	f.StringVar(&o.Record, "record", o.Record, "write what each viewer received to `DIR`/viewer-1.ts …")
	f.StringVar(&target, "target", target, "switches: softswitch, or bmv2 (simple_switch_grpc, needs root)")
	f.StringVar(&ui, "ui", ui, "serve the dashboard on this `ADDRESS`, as 127.0.0.1:8080; streams until interrupted unless --duration is given")
	f.BoolVar(&asJSON, "json", asJSON, "print the report as one JSON object")
	return cmd
}

// dashboardNode is a controller with the Map-Server, REST and the dashboard of
// the demo's network.
type dashboardNode struct {
	*controller.Controller
	node *node.Node
}

// Run runs all of them.
func (d dashboardNode) Run(ctx context.Context) error { return d.node.Run(ctx) }

// checkDashboard refuses an address that no dashboard can have, before anything
// is started.
func checkDashboard(address string) error {
	alone := config.Config{Listen: config.Listen{HTTP: address}}
	if err := alone.Complete(); err != nil {
		return cli.Usagef("--ui %s: %w", address, err)
	}
	return nil
}

// withDashboard makes a node that serves the dashboard, and says where.
func withDashboard(address string, stderr io.Writer) func(context.Context, *config.Config) (demo.Controller, error) {
	return func(ctx context.Context, cfg *config.Config) (demo.Controller, error) {
		served := *cfg
		served.Listen.HTTP = address
		n, err := node.Open(ctx, &served, node.Options{Version: version(), Store: store.NewMemory()})
		if err != nil {
			return nil, fmt.Errorf("--ui: %w", err)
		}
		fmt.Fprintf(stderr, "Dashboard: %s/\n", n.URL())
		return dashboardNode{n.Controller(), n}, nil
	}
}

// isFile reports whether an input can be played again.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// demoError sorts out whose fault a demo that could not run was.
func demoError(err error) error {
	var option *demo.OptionError
	var input *demo.InputError
	if errors.As(err, &option) || errors.As(err, &input) {
		return cli.Usage(err)
	}
	return err
}

// verdict says what the network did not do, if anything.
func verdict(r *demo.Report) error {
	if err := r.Verdict(); err != nil {
		return fmt.Errorf("the demo failed: %w", err)
	}
	return nil
}
