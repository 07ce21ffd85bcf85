package objects

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

func channelNoun() *noun {
	return &noun{
		kind: api.KindChannel, plural: "channels",
		example: "news site=studio source_eid=10.0.0.10 ingress.switch=itr ingress.port=1 redundancy=16",
		change:  "redundancy=8",
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

// Channel is the command of channels.
func Channel() *cobra.Command {
	n := channelNoun()
	show := showCommand(n, "Show all that is known of a channel", (*client.Client).Channel, printChannel)
	return cli.Family("channel", "Show and change channels", append(n.commands(), channelList(n), show)...)
}

func channelList(n *noun) *cobra.Command {
	var filter client.ChannelFilter
	state := ""
	cmd := listCommand(n, "List channels, and how far each is",
		func(ctx context.Context, c *client.Client) (api.Channels, error) {
			filter.State = api.State(state)
			channels := api.Channels{Items: []api.Channel{}}
			for ch, err := range c.Channels(ctx, filter) {
				if err != nil {
					return channels, err
				}
				channels.Items = append(channels.Items, ch)
			}
			return channels, nil
		},
		func(w io.Writer, list *api.Channels, wide bool) error {
			if len(list.Items) == 0 {
				return n.none(w, filter != client.ChannelFilter{})
			}
			return printChannels(w, list.Items, wide)
		})
	cmd.Flags().StringVar(&filter.Site, "site", "", "those of this `SITE`")
	cmd.Flags().StringVar(&filter.Switch, "switch", "", "those that enter by this `SWITCH`")
	cmd.Flags().StringVar(&state, "state", "", "those in this `STATE`: ready, pending, failing or unused")
	siteNoun().completes(cmd, "site")
	CompleteSwitch(cmd, "switch")
	cli.CompleteFlag(cmd, "state", string(api.Ready), string(api.Pending), string(api.Failing), string(api.Unused))
	return cmd
}

func printChannels(w io.Writer, channels []api.Channel, wide bool) error {
	t := cli.NewTable(w)
	fmt.Fprint(t, "CHANNEL\tSITE\tRESERVED EID\tINGRESS\tSTATE\tWHY")
	if wide {
		fmt.Fprint(t, "\tSOURCE EID\tREDUNDANCY\tETRS\tORIGIN\tVERSION")
	}
	fmt.Fprintln(t)
	for i := range channels {
		ch := &channels[i]
		fmt.Fprintf(t, "%s\t%s\t%v\t%s:%d\t%s\t%s", ch.Name, ch.Spec.Site, ch.Spec.ReservedEID, ch.Spec.Ingress.Switch, ch.Spec.Ingress.Port,
			ch.State, cli.Or(ch.Reason, "-"))
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

func printChannel(w io.Writer, ch *api.Channel, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprintf(t, "channel %s: %s\n\n", ch.Name, cli.WithReason(string(ch.State), ch.Reason))
	fmt.Fprintf(t, "from\t%s, version %s\n", origin(&ch.Meta), ch.Version)
	if ch.Unused != "" {
		fmt.Fprintf(t, "unused\t%s\n", ch.Unused)
	}
	for i, p := range ch.Spec.Pairs() {
		fmt.Fprintf(t, "%s\tsource EID %v, reserved EID %v\n", cli.First(i, "EIDs"), p.Source, p.Reserved)
	}
	fmt.Fprintf(t, "enters\tby port %d of %s, in site %s\n", ch.Spec.Ingress.Port, ch.Spec.Ingress.Switch, ch.Spec.Site)
	fmt.Fprintf(t, "redundancy\t%s\n", redundancy(ch.Spec.Redundancy))
	for i, s := range ch.Switches {
		since := ""
		if s.Since != nil {
			since = ", since " + cli.Ago(*s.Since, now)
		}
		fmt.Fprintf(t, "%s\t%s (%s): %s, %d of %d entries%s\n", cli.First(i, "switches"), s.Switch, s.Role, cli.WithReason(string(s.State), s.Why), s.Installed, s.Wanted, since)
	}
	return t.Flush()
}

func redundancy(n uint8) string {
	if n == 0 {
		return "none: each payload once to each domain"
	}
	return fmt.Sprintf("the payload again after every %d headers to one domain", n)
}
