package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

func switchNoun() *noun {
	return &noun{
		kind: api.KindSwitch, example: "itr -f itr.yaml",
		names: func(ctx context.Context, c *client.Client) (names []string, err error) {
			list, err := c.Switches(ctx)
			for _, s := range list.Items {
				names = append(names, s.Name)
			}
			return names, err
		},
	}
}

// addSwitchObjects adds to the command that runs a switch those that show and
// change the switches of a controller.
func addSwitchObjects(cmd *cobra.Command) {
	n := switchNoun()
	cmd.AddCommand(newSwitchListCommand(), newSwitchShowCommand(n), newSwitchExportCommand(n))
	cmd.AddCommand(n.commands()...)
}

func newSwitchListCommand() *cobra.Command {
	var f lookFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the switches of a controller, and whether each holds what is wanted",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
				list, err := c.Switches(ctx)
				if err != nil {
					return err
				}
				if f.json {
					return printJSON(w, list)
				}
				return printSwitches(w, list.Items, f.wide(), time.Now())
			})
		},
	}
	f.add(cmd)
	return cmd
}

func printSwitches(w io.Writer, list []api.Switch, wide bool, now time.Time) error {
	t := newTable(w)
	fmt.Fprint(t, "SWITCH\tSITE\tADDRESS\tSTATE\tENTRIES\tSINCE\tWHY")
	if wide {
		fmt.Fprint(t, "\tTARGET\tDEVICE\tMASTER\tWRITTEN\tRETRIES\tORIGIN\tVERSION")
	}
	fmt.Fprintln(t)
	for i := range list {
		s := &list[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d/%d\t%s\t%s", s.Name, s.Spec.Site, s.Address, s.Phase, s.Installed, s.Wanted, ago(s.Since, now), or(s.Reason, "-"))
		if wide {
			fmt.Fprintf(t, "\t%s\t%d\t%s\t%d\t%d\t%s\t%s", s.Spec.Target, s.Spec.DeviceID, or(s.Master, "-"), s.Updates, s.Retries, origin(&s.Meta), s.Version)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func newSwitchShowCommand(n *noun) *cobra.Command {
	var f lookFlags
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show all that is known of a switch, and what it dropped",
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
				sw, err := c.Switch(ctx, args[0])
				if err != nil {
					return err
				}
				if f.json {
					return printJSON(w, sw)
				}
				drops, err := c.Drops(ctx, sw.Name)
				if err != nil {
					return err
				}
				return printSwitch(w, &sw, &drops, time.Now())
			})
		},
	}
	f.add(cmd)
	return cmd
}

func printSwitch(w io.Writer, s *api.Switch, drops *api.Drops, now time.Time) error {
	t := newTable(w)
	fmt.Fprintf(t, "switch %s at %s: %s\n\n", s.Name, s.Address, withReason(s.Phase, s.Reason))
	fmt.Fprintf(t, "from\t%s, version %s\n", origin(&s.Meta), s.Version)
	fmt.Fprintf(t, "target\t%s, device id %d, of site %s\n", s.Spec.Target, s.Spec.DeviceID, s.Spec.Site)
	if s.Master != "" {
		fmt.Fprintf(t, "master\t%s\n", s.Master)
	}
	fmt.Fprintf(t, "since\t%s\n", ago(s.Since, now))
	fmt.Fprintf(t, "entries\t%d of %d installed\n", s.Installed, s.Wanted)
	fmt.Fprintf(t, "written\t%s, %s, %d retries\n", plural(s.Updates, "update"), plural(s.Pipelines, "program"), s.Retries)
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		fmt.Fprintf(t, "%s\t%d %s %v, MAC %v\n", first(i, "ports"), p.ID, p.Role, p.Prefixes(), p.MAC)
	}
	for i, reason := range slices.Sorted(maps.Keys(s.Punts)) {
		fmt.Fprintf(t, "%s\t%d %s\n", first(i, "to controller"), s.Punts[reason], reason)
	}
	for i, d := range drops.Items {
		fmt.Fprintf(t, "%s\t%d %s\n", first(i, "dropped"), d.Packets, d.Reason)
	}
	for _, u := range drops.Unread {
		fmt.Fprintf(t, "dropped\tunknown: %s\n", u.Why)
	}
	for i, p := range s.Problems {
		fmt.Fprintf(t, "%s\t%s\n", first(i, "problems"), p)
	}
	return t.Flush()
}

func newSwitchExportCommand(n *noun) *cobra.Command {
	var f restFlags
	held, dir := false, ""
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write what a switch is to hold as P4Info and P4Runtime writes, for other tools",
		Long: `Writes p4info.txtpb and, in the order in which they must be made, write-001.txtpb and so
on: p4.v1.WriteRequests as prototext, without device and election id. They fill an
empty switch that runs the program.`,
		Example:           "  corecast switch export itr --dir itr && ls itr",
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			x, err := c.Export(cmd.Context(), args[0], held)
			if err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), x)
			}
			return writeExport(cmd, &x, dir)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&held, "held", false, "what the switch holds in fact, read from it")
	cmd.Flags().StringVar(&dir, "dir", ".", "write to this `DIRECTORY`")
	return cmd
}

func writeExport(cmd *cobra.Command, x *api.Export, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := map[string]string{"p4info.txtpb": x.P4Info}
	for i, w := range x.WriteRequests {
		files[fmt.Sprintf("write-%03d.txtpb", i+1)] = w
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o644); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s in %s, and the P4Info, in %s\n", x.Switch, plural(x.Updates, "update"), plural(len(x.WriteRequests), "write"), dir)
	return err
}
