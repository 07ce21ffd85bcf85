package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

func newMappingCommand() *cobra.Command {
	var flags restFlags
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
		Args: atMostOne("an EID or EID-prefix"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("instance-id") {
				filter.InstanceID = &instance
			}
			if len(args) == 1 {
				if err := checkEID(args[0]); err != nil {
					return err
				}
				filter.EID = args[0]
			}
			c, err := flags.client()
			if err != nil {
				return err
			}
			return showMappings(cmd.Context(), cmd.OutOrStdout(), c, filter, flags.json)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&filter.Site, "site", "", "the mappings of this `SITE`")
	cmd.Flags().Uint32Var(&instance, "instance-id", 0, "the mappings of this instance-id `N`")
	cmd.Flags().BoolVar(&filter.All, "all", false, "also EID-prefixes that nobody has registered")
	return cmd
}

// atMostOne allows one argument.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%d arguments: want %s at most (see `%s --help`)", len(args), what, cmd.CommandPath())
		}
		return nil
	}
}

// checkEID refuses what is neither an address nor a prefix.
func checkEID(text string) error {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return usagef("%q is not an EID: want an address or a prefix, such as 10.1.0.7 or 10.1.0.0/16", text)
	}
	if p != p.Masked() {
		return usagef("%s has host bits set: want %s or %s", text, p.Masked(), p.Addr())
	}
	return nil
}

func showMappings(ctx context.Context, w io.Writer, c *client.Client, filter client.MappingFilter, asJSON bool) error {
	list := api.Mappings{Items: []api.Mapping{}}
	for m, err := range c.Mappings(ctx, filter) {
		if err != nil {
			return err
		}
		list.Items = append(list.Items, m)
	}
	if asJSON {
		return printJSON(w, list)
	}
	if len(list.Items) == 0 {
		if filter.EID == "" {
			return fmt.Errorf("no mappings: see which sites have registered with `corecast site list`")
		}
		return fmt.Errorf("no mapping for %s: see what there is with `corecast mapping --all`", filter.EID)
	}
	return printMappings(w, list.Items, time.Now())
}

func printMappings(w io.Writer, ms []api.Mapping, now time.Time) error {
	t := newTable(w)
	fmt.Fprintln(t, "EID-PREFIX\tINSTANCE\tSITE\tLOCATORS\tORIGIN\tFROM\tEXPIRES")
	for _, m := range ms {
		from, expires := "-", "-"
		if len(m.Registrations) > 0 {
			r := m.Registrations[0]
			from, expires = r.From.String(), "in "+short(r.Expires.Sub(now))
			if more := len(m.Registrations) - 1; more > 0 {
				from += fmt.Sprintf(" and %d more", more)
			}
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", m.EIDPrefix, m.InstanceID, or(m.Site, "-"), locatorList(m), m.Origin, from, expires)
	}
	return t.Flush()
}

// locatorList is the locators with priority and weight, or what to do without.
func locatorList(m api.Mapping) string {
	if len(m.Locators) == 0 {
		return "none: " + m.Action
	}
	var list []string
	for _, l := range m.Locators {
		list = append(list, fmt.Sprintf("%s %d/%d", l.Address, l.Priority, l.Weight))
	}
	return strings.Join(list, ", ")
}
