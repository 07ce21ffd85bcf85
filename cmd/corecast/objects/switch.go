package objects

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

func switchNoun() *noun {
	return &noun{
		kind: api.KindSwitch, plural: "switches", example: "itr -f itr.yaml", change: "neighbors='[{address: 10.0.0.10, mac: \"02:00:00:00:00:10\"}]'",
		names: func(ctx context.Context, c *client.Client) (names []string, err error) {
			list, err := c.Switches(ctx)
			for _, s := range list.Items {
				names = append(names, s.Name)
			}
			return names, err
		},
	}
}

// AddSwitch adds to the command that runs a switch those that show and change the
// switches of a controller.
func AddSwitch(cmd *cobra.Command) {
	n := switchNoun()
	list := listCommand(n, "List the switches of a controller, and whether each holds what is wanted",
		func(ctx context.Context, c *client.Client) (api.Switches, error) { return c.Switches(ctx) },
		func(w io.Writer, list *api.Switches, wide bool) error {
			if len(list.Items) == 0 {
				return n.none(w, false)
			}
			return printSwitches(w, list.Items, wide, time.Now())
		})
	show := showCommand(n, "Show all that is known of a switch, and what it dropped", askSwitch, printSwitch)
	cmd.AddCommand(append(n.commands(), list, show, exportCommand(n))...)
}

// shownSwitch is a switch with what it dropped.
type shownSwitch struct {
	api.Switch
	Drops api.Drops `json:"drops"`
}

func askSwitch(c *client.Client, ctx context.Context, name string) (s shownSwitch, err error) {
	if s.Switch, err = c.Switch(ctx, name); err != nil {
		return s, err
	}
	s.Drops, err = c.Drops(ctx, name)
	return s, err
}

func printSwitches(w io.Writer, list []api.Switch, wide bool, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprint(t, "SWITCH\tSITE\tADDRESS\tSTATE\tENTRIES\tSINCE\tWHY")
	if wide {
		fmt.Fprint(t, "\tTARGET\tDEVICE\tMASTER\tWRITTEN\tRETRIES\tORIGIN\tVERSION")
	}
	fmt.Fprintln(t)
	for i := range list {
		s := &list[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d/%d\t%s\t%s", s.Name, s.Spec.Site, s.Address, s.Phase, s.Installed, s.Wanted, cli.Ago(s.Since, now), cli.Or(s.Reason, "-"))
		if wide {
			fmt.Fprintf(t, "\t%s\t%d\t%s\t%d\t%d\t%s\t%s", s.Spec.Target, s.Spec.DeviceID, cli.Or(s.Master, "-"), s.Updates, s.Retries, origin(&s.Meta), s.Version)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func printSwitch(w io.Writer, s *shownSwitch, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprintf(t, "switch %s at %s: %s\n\n", s.Name, s.Address, cli.WithReason(s.Phase, s.Reason))
	fmt.Fprintf(t, "from\t%s, version %s\n", origin(&s.Meta), s.Version)
	fmt.Fprintf(t, "target\t%s, device id %d, of site %s\n", s.Spec.Target, s.Spec.DeviceID, s.Spec.Site)
	if s.Master != "" {
		fmt.Fprintf(t, "master\t%s\n", s.Master)
	}
	fmt.Fprintf(t, "since\t%s\n", cli.Ago(s.Since, now))
	fmt.Fprintf(t, "entries\t%d of %d installed\n", s.Installed, s.Wanted)
	fmt.Fprintf(t, "written\t%s, %s, %d retries\n", cli.Plural(s.Updates, "update"), cli.Plural(s.Pipelines, "program"), s.Retries)
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		fmt.Fprintf(t, "%s\t%d %s %v, MAC %v\n", cli.First(i, "ports"), p.ID, p.Role, p.Prefixes(), p.MAC)
	}
	for i, reason := range slices.Sorted(maps.Keys(s.Punts)) {
		fmt.Fprintf(t, "%s\t%d %s\n", cli.First(i, "to controller"), s.Punts[reason], reason)
	}
	for i, d := range s.Drops.Items {
		fmt.Fprintf(t, "%s\t%d %s\n", cli.First(i, "dropped"), d.Packets, d.Reason)
	}
	for _, u := range s.Drops.Unread {
		fmt.Fprintf(t, "dropped\tunknown: %s\n", u.Why)
	}
	for i, p := range s.Problems {
		fmt.Fprintf(t, "%s\t%s\n", cli.First(i, "problems"), p)
	}
	return t.Flush()
}
