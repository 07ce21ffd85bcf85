package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/cmd/corecast/doctor"
)

func newDoctorCommand() *cobra.Command {
	var (
		path   string
		o      doctor.Options
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "doctor [INTERFACE …]",
		Short: "Check whether this host can run CoreCast, and what is in the way",
		Long: `Checks privileges, the clock, sockets and their buffers, segmentation offload, bmv2 and
its flags and, with --config, the addresses to listen on, the store, and whether the
switches answer and run this version's program. INTERFACEs are those that a switch is
to use: whether they are up, what payload fits, and their offloads. Nothing is changed.
Exit status 0 unless something is bad, else 1.`,
		Example: `  corecast doctor
  corecast doctor --config corecast.yaml
  corecast doctor --bmv2 veth0 veth2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Interfaces = args
			if path != "" {
				cfg, err := configfile.Controller(path)
				if err != nil {
					return err
				}
				o.Config = cfg
			}
			return runDoctor(cmd.Context(), cmd.OutOrStdout(), o, asJSON)
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration `FILE` that is to run here")
	cmd.Flags().BoolVar(&o.BMv2, "bmv2", false, "the interfaces are for simple_switch_grpc")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func runDoctor(ctx context.Context, w io.Writer, o doctor.Options, asJSON bool) error {
	var all []doctor.Finding
	var first *doctor.Finding
	err := doctor.Run(ctx, o, func(f doctor.Finding) {
		if f.Verdict == doctor.Bad && first == nil {
			first = &f
		}
		all = append(all, f)
		if !asJSON {
			printFinding(w, &f)
		}
	})
	if err == nil && asJSON {
		err = cli.PrintJSON(w, all)
	}
	if err == nil && first != nil {
		err = fmt.Errorf("%s: %s; next: %s", first.Check, first.What, first.Fix)
	}
	return err
}

func printFinding(w io.Writer, f *doctor.Finding) {
	fmt.Fprintf(w, "%-4s  %-18s  %s\n", f.Verdict, f.Check, f.What)
	if f.Fix != "" {
		fmt.Fprintf(w, "      %-18s  → %s\n", "", f.Fix)
	}
}
