package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// eventsFlags select events.
type eventsFlags struct {
	cli.REST
	last   int
	follow bool
	after  string
	kinds  []string
}

func newEventsCommand() *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what has happened: changes and who made them, switches, sites, streams",
		Example: `  corecast events --last 50
  corecast events --follow --kind switch.phase,site.rejecting`,
		Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.Client()
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), c, cmd.OutOrStdout())
		},
	}
	f.Add(cmd)
	cmd.Flags().IntVarP(&f.last, "last", "n", 20, "show the last `N` (0: all that are kept)")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what happens, until it is interrupted")
	cmd.Flags().StringVar(&f.after, "after", "", "follow from after the event of this `ID`, instead of the last ones")
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "only these `KINDS`: created, changed, deleted, switch.phase, …")
	return cmd
}

func (f *eventsFlags) run(ctx context.Context, c *client.Client, w io.Writer) error {
	if f.last < 0 {
		return cli.Usagef("--last %d: want how many events, 0 for all", f.last)
	}
	after := f.after
	if after == "" {
		list, err := c.Events(ctx, f.last)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].ID
			if err := f.print(w, &list[i]); err != nil {
				return err
			}
		}
		if !f.follow {
			return nil
		}
	}
	for e, err := range c.Follow(ctx, after) {
		if err != nil {
			return err
		}
		if err := f.print(w, &e); err != nil {
			return err
		}
	}
	return nil
}

func (f *eventsFlags) print(w io.Writer, e *api.Event) error {
	if len(f.kinds) > 0 && !slices.Contains(f.kinds, string(e.Kind)) {
		return nil
	}
	if f.JSON {
		return cli.PrintJSONLine(w, e)
	}
	_, err := fmt.Fprintf(w, "%s  %-16s  %s\n", e.Time.Local().Format("2006-01-02 15:04:05"), e.Kind, e.Text)
	return err
}
