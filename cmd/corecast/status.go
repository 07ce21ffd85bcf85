package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
)

func newStatusCommand() *cobra.Command {
	var flags cli.REST
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether all works, and if not, what is broken first and what to do",
		Long: `Asks a running controller for the state of its store, its Map-Server, its sites and
its switches. Exit status 0 if nothing is broken, else 1.`,
		Example: "  corecast status && echo all is well",
		Args:    cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.Client()
			if err != nil {
				return err
			}
			st, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if flags.JSON {
				err = cli.PrintJSON(cmd.OutOrStdout(), st)
			} else {
				err = printStatus(cmd.OutOrStdout(), &st, time.Now())
			}
			return errors.Join(err, brokenFirst(&st))
		},
	}
	flags.Add(cmd)
	return cmd
}

func printStatus(w io.Writer, st *api.Status, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprintf(t, "controller\tversion %s, started %s\n", st.Version, cli.Ago(st.Started, now))
	fmt.Fprintf(t, "store\t%s\n", storeLine(&st.Store))
	fmt.Fprintf(t, "Map-Server\t%s\n", mapServerLine(&st.MapServer))
	fmt.Fprintf(t, "sites\t%d, of which %d registered and %d refused\n", st.Sites.Total, st.Sites.Registered, st.Sites.Rejecting)
	fmt.Fprintf(t, "switches\t%d, of which %d ready\n", st.Switches.Total, st.Switches.Ready)
	for i, n := range st.Nodes {
		fmt.Fprintf(t, "%s\t%s\n", cli.First(i, "nodes"), nodeLine(&n, now))
	}
	for i, warning := range st.Warnings {
		fmt.Fprintf(t, "%s\t%s\n", cli.First(i, "warnings"), warning)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	heading := ""
	if st.OK {
		fmt.Fprintln(w, "\nnothing is broken")
	}
	for _, p := range st.Problems {
		if h := headingOf(&p); h != heading {
			heading = h
			fmt.Fprintf(w, "\n%s:\n", heading)
		}
		fmt.Fprintf(w, "  %s: %s\n    next: %s\n", p.What, p.Why, p.Next)
	}
	return nil
}

func headingOf(p *api.Problem) string {
	if p.Waiting {
		return "waiting for others"
	}
	return "broken"
}

func nodeLine(n *api.Node, now time.Time) string {
	line := n.Name
	if n.Self {
		line += " (asked)"
	} else if n.URL != "" {
		line += " at " + n.URL
	}
	return fmt.Sprintf("%s: master of %d switches, started %s", line, n.Masters, cli.Ago(n.Since, now))
}

func storeLine(s *api.Store) string {
	if s.Name == "" {
		return "none: registrations do not survive a restart"
	}
	line := fmt.Sprintf("%s: %s of registrations written, %d waiting", s.Name, cli.Plural(s.Written, "change"), s.Waiting)
	if s.Dropped > 0 {
		line += fmt.Sprintf(", %d dropped", s.Dropped)
	}
	return line
}

func mapServerLine(m *api.MapServer) string {
	if !m.Running {
		return "listens nowhere"
	}
	var addresses []string
	for _, a := range m.Addresses {
		addresses = append(addresses, a.String())
	}
	return fmt.Sprintf("%s: %s registered, %d static; %s, %s, %d dropped", strings.Join(addresses, ", "),
		cli.Plural(m.Mappings, "mapping"), m.Static, cli.Plural(m.Requests, "request"), cli.Plural(m.Registers, "register"), m.Dropped)
}

// brokenFirst is the problem to look at first, as an error.
func brokenFirst(st *api.Status) error {
	if st.OK || len(st.Problems) == 0 {
		return nil
	}
	p := st.Problems[0]
	return fmt.Errorf("%s: %s; next: %s", p.What, p.Why, p.Next)
}
