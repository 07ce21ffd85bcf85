package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/objects"
	"github.com/corecast/corecast/cmd/corecast/why"
)

func newWhyCommand() *cobra.Command {
	var f cli.REST
	channel := ""
	cmd := &cobra.Command{
		Use:   "why EID[:PORT]",
		Short: "Say where the media of a viewer stops or waits: lease, mapping, switches, counters",
		Long: `Walks the way of a viewer's media: its lease, if sources report theirs, the mapping of
its EID, the channel, what the switches on the way do with its packets by the entries
that they hold, and what they drop. Exit status 1 where it stops or still waits, and
what to do there.`,
		Example: `  corecast why 10.1.0.11
  corecast why 10.1.0.11:5004 --channel news`,
		Args: cli.OneArgument("a viewer", "corecast why 10.1.0.11", func(text string) error {
			_, err := viewerOf(text)
			return err
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := viewerOf(args[0])
			if err != nil {
				return err
			}
			q.Channel = channel
			return runWhy(cmd.Context(), cmd.OutOrStdout(), &f, q)
		},
	}
	f.Add(cmd)
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` of the channel, if it is to be another than those that the viewer has joined, or the only one")
	objects.CompleteChannel(cmd, "channel")
	return cmd
}

func viewerOf(text string) (why.Question, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return why.Question{EID: a.Unmap()}, nil
	}
	p, err := netip.ParseAddrPort(text)
	if err != nil {
		return why.Question{}, cli.Usagef("%q is no viewer: write 10.1.0.11, 10.1.0.11:5004 or [2001:db8::1]:5004", text)
	}
	return why.Question{EID: p.Addr().Unmap(), Port: p.Port()}, nil
}

func runWhy(ctx context.Context, w io.Writer, f *cli.REST, q why.Question) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	steps := []why.Step{}
	err = why.Walk(ctx, c, q, func(s why.Step) {
		steps = append(steps, s)
		if f.JSON {
			return
		}
		mark := "stop"
		switch {
		case s.OK:
			mark = "ok  "
		case s.Waiting:
			mark = "wait"
		}
		fmt.Fprintf(w, "%s  %-8s  %s\n", mark, s.Name, s.What)
		if s.Next != "" {
			fmt.Fprintf(w, "      %-8s  → %s\n", "", s.Next)
		}
	})
	if f.JSON {
		err = errors.Join(err, cli.PrintJSON(w, steps))
	}
	return err
}
