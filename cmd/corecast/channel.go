package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

func channelNoun() *noun {
	return &noun{
		kind: api.KindChannel, example: "news site=studio source_eid=10.0.0.10 ingress.switch=itr ingress.port=1 redundancy=16",
		names: func(ctx context.Context, c *client.Client) (names []string, err error) {
			for ch, err := range c.Channels(ctx, client.ChannelFilter{}) {
				if err != nil {
					return nil, err
				}
				names = append(names, ch.Name)
			}
			return names, nil
		},
	}
}

func newChannelCommand() *cobra.Command {
	n := channelNoun()
	cmd := &cobra.Command{
		Use:   "channel",
		Short: "Show and change channels",
		Args:  subcommandWanted,
		RunE:  func(*cobra.Command, []string) error { return nil }, // Args has refused
		// A wrong subcommand is worth more words than its flags.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
	}
	cmd.AddCommand(newChannelListCommand(), newChannelShowCommand(n))
	cmd.AddCommand(n.commands()...)
	return cmd
}

// subcommandWanted refuses a command that has subcommands and was given none.
func subcommandWanted(cmd *cobra.Command, args []string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	list := strings.Join(names, ", ")
	if len(args) > 0 {
		return usagef("unknown command %q: want `%s` and one of %s", args[0], cmd.CommandPath(), list)
	}
	return usagef("want `%s` and one of %s", cmd.CommandPath(), list)
}

func newChannelListCommand() *cobra.Command {
	var f lookFlags
	var filter client.ChannelFilter
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List channels, and how far each is",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.State = api.State(state)
			return f.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
				channels := []api.Channel{}
				for ch, err := range c.Channels(ctx, filter) {
					if err != nil {
						return err
					}
					channels = append(channels, ch)
				}
				if f.json {
					return printJSON(w, api.Channels{Items: channels})
				}
				return printChannels(w, channels, f.wide())
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&filter.Site, "site", "", "those of this `SITE`")
	cmd.Flags().StringVar(&filter.Switch, "switch", "", "those that enter by this `SWITCH`")
	cmd.Flags().StringVar(&state, "state", "", "those in this `STATE`: ready, pending, failing or unused")
	return cmd
}

func printChannels(w io.Writer, channels []api.Channel, wide bool) error {
	t := newTable(w)
	fmt.Fprint(t, "CHANNEL\tSITE\tRESERVED EID\tINGRESS\tSTATE\tWHY")
	if wide {
		fmt.Fprint(t, "\tSOURCE EID\tREDUNDANCY\tETRS\tORIGIN\tVERSION")
	}
	fmt.Fprintln(t)
	for i := range channels {
		ch := &channels[i]
		fmt.Fprintf(t, "%s\t%s\t%v\t%s:%d\t%s\t%s", ch.Name, ch.Spec.Site, ch.Spec.ReservedEID, ch.Spec.Ingress.Switch, ch.Spec.Ingress.Port,
			ch.State, or(ch.Reason, "-"))
		if wide {
			fmt.Fprintf(t, "\t%v\t%d\t%d\t%s\t%s", ch.Spec.SourceEID, ch.Spec.Redundancy, max(0, len(ch.Switches)-1), origin(&ch.Meta), ch.Version)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// origin says who may change an object.
func origin(m *api.Meta) string {
	if m.Origin == api.FromFile {
		return m.At
	}
	return string(m.Origin)
}

func newChannelShowCommand(n *noun) *cobra.Command {
	var f lookFlags
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show all that is known of a channel",
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
				ch, err := c.Channel(ctx, args[0])
				if err != nil {
					return err
				}
				if f.json {
					return printJSON(w, ch)
				}
				return printChannel(w, &ch, time.Now())
			})
		},
	}
	f.add(cmd)
	return cmd
}

func printChannel(w io.Writer, ch *api.Channel, now time.Time) error {
	t := newTable(w)
	fmt.Fprintf(t, "channel %s: %s\n\n", ch.Name, withReason(string(ch.State), ch.Reason))
	fmt.Fprintf(t, "from\t%s, version %s\n", origin(&ch.Meta), ch.Version)
	if ch.Unused != "" {
		fmt.Fprintf(t, "unused\t%s\n", ch.Unused)
	}
	for i, p := range ch.Spec.Pairs() {
		fmt.Fprintf(t, "%s\tsource EID %v, reserved EID %v\n", first(i, "EIDs"), p.Source, p.Reserved)
	}
	fmt.Fprintf(t, "enters\tby port %d of %s, in site %s\n", ch.Spec.Ingress.Port, ch.Spec.Ingress.Switch, ch.Spec.Site)
	fmt.Fprintf(t, "redundancy\t%s\n", redundancy(ch.Spec.Redundancy))
	for i, s := range ch.Switches {
		since := ""
		if s.Since != nil {
			since = ", since " + ago(*s.Since, now)
		}
		fmt.Fprintf(t, "%s\t%s (%s): %s, %d of %d entries%s\n", first(i, "switches"), s.Switch, s.Role, withReason(string(s.State), s.Why), s.Installed, s.Wanted, since)
	}
	return t.Flush()
}

func redundancy(n uint8) string {
	if n == 0 {
		return "none: each payload once to each domain"
	}
	return fmt.Sprintf("the payload again after every %d headers to one domain", n)
}

func withReason(state, why string) string {
	if why == "" {
		return state
	}
	return state + ": " + why
}
