package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// Mapping is the command of mappings, which nobody changes but xTRs and sites.
func Mapping() *cobra.Command {
	var f cli.Look
	var filter client.MappingFilter
	var instance uint32
	cmd := &cobra.Command{
		Use:   "mapping [EID|PREFIX]",
		Short: "Show the mappings of the Map-Server: which EIDs are where, and who said so",
		Long: `Lists the mappings of the Map-Server of a running controller: all of them, or
those that cover an EID or EID-prefix or are within it. What a Map-Resolver answers
over the network is shown by corecast lig.`,
		Example: `  corecast mapping
  corecast mapping 10.1.0.7
  corecast mapping --site studio --json`,
		Args: cli.AtMostOne("an EID or EID-prefix"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("instance-id") {
				filter.InstanceID = &instance
			}
			if len(args) == 1 {
				if err := cli.CheckEID(args[0]); err != nil {
					return err
				}
				filter.EID = args[0]
			}
			get := func(ctx context.Context, c *client.Client) (api.Mappings, error) { return mappings(ctx, c, filter) }
			return cli.Show(cmd, &f, get, func(w io.Writer, list *api.Mappings) error {
				if len(list.Items) == 0 {
					return noMappings(w, filter.EID)
				}
				return printMappings(w, list.Items, f.Wide(), time.Now())
			})
		},
	}
	f.Add(cmd)
	cmd.Flags().StringVar(&filter.Site, "site", "", "the mappings of this `SITE`")
	cmd.Flags().Uint32Var(&instance, "instance-id", 0, "the mappings of this instance-id `N`")
	cmd.Flags().BoolVar(&filter.All, "all", false, "also EID-prefixes that nobody has registered")
	siteNoun().completes(cmd, "site")
	return cmd
}

func mappings(ctx context.Context, c *client.Client, filter client.MappingFilter) (api.Mappings, error) {
	list := api.Mappings{Items: []api.Mapping{}}
	for m, err := range c.Mappings(ctx, filter) {
		if err != nil {
			return list, err
		}
		list.Items = append(list.Items, m)
	}
	return list, nil
}

// noMappings says that there is none. It is an error if one was asked for.
func noMappings(w io.Writer, eid string) error {
	if eid != "" {
		return errors.New("no mapping for " + eid + ": see what there is with `corecast mapping --all`")
	}
	_, err := fmt.Fprintln(w, "no mappings; see which sites have registered: corecast site list")
	return err
}

func printMappings(w io.Writer, ms []api.Mapping, wide bool, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprint(t, "EID-PREFIX\tINSTANCE\tSITE\tLOCATORS\tORIGIN\tFROM\tEXPIRES")
	if wide {
		fmt.Fprint(t, "\tTTL\tANSWERED BY\tCORECAST")
	}
	fmt.Fprintln(t)
	for i := range ms {
		m := &ms[i]
		from, expires := registrant(m, now)
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s", m.EIDPrefix, m.InstanceID, cli.Or(m.Site, "-"), locatorList(m), m.Origin, from, expires)
		if wide {
			answers := "its xTR"
			if m.ProxyReply || m.Origin != "registered" {
				answers = "the Map-Server"
			}
			fmt.Fprintf(t, "\t%v\t%s\t%s", time.Duration(m.TTL)*time.Second, answers, yesNo(m.CoreCast))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// registrant is who registered a mapping last, and until when that holds.
func registrant(m *api.Mapping, now time.Time) (from, expires string) {
	if len(m.Registrations) == 0 {
		return "-", "-"
	}
	r := &m.Registrations[0]
	from = r.From.String()
	if more := len(m.Registrations) - 1; more > 0 {
		from += fmt.Sprintf(" and %d more", more)
	}
	return from, "in " + cli.Short(r.Expires.Sub(now))
}

// locatorList is the locators with priority and weight, or what to do without.
func locatorList(m *api.Mapping) string {
	if len(m.Locators) == 0 {
		return "none: " + m.Action
	}
	var list []string
	for _, l := range m.Locators {
		list = append(list, fmt.Sprintf("%s %d/%d", l.Address, l.Priority, l.Weight))
	}
	return strings.Join(list, ", ")
}
