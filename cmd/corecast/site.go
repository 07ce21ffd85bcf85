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

func siteNoun() *noun {
	return &noun{
		kind: api.KindSite, example: "viewers eid_prefixes='[10.1.0.0/16]' rlocs='[{address: 192.0.2.21}]' corecast=true",
		names: func(ctx context.Context, c *client.Client) (names []string, err error) {
			list, err := c.Sites(ctx)
			for _, s := range list.Items {
				names = append(names, s.Name)
			}
			return names, err
		},
	}
}

func newSiteCommand() *cobra.Command {
	n := siteNoun()
	cmd := &cobra.Command{
		Use:   "site",
		Short: "Show and change LISP sites: what they have registered, and what was refused and why",
		Args:  subcommandWanted,
		RunE:  func(*cobra.Command, []string) error { return nil }, // Args has refused
		// A wrong subcommand is worth more words than its flags.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
	}
	cmd.AddCommand(newSiteListCommand(), newSiteShowCommand(n))
	cmd.AddCommand(n.commands()...)
	return cmd
}

func newSiteListCommand() *cobra.Command {
	var flags lookFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all sites",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
				sites, err := c.Sites(ctx)
				if err != nil {
					return err
				}
				if flags.json {
					return printJSON(w, sites)
				}
				return printSites(w, sites.Items, time.Now())
			})
		},
	}
	flags.add(cmd)
	return cmd
}

func printSites(w io.Writer, sites []api.SiteSummary, now time.Time) error {
	t := newTable(w)
	fmt.Fprintln(t, "SITE\tINSTANCE\tEID-PREFIXES\tMAPPINGS\tLAST REGISTER\tREFUSED\tLAST REFUSED")
	for _, s := range sites {
		var prefixes []string
		for _, p := range s.EIDPrefixes {
			prefixes = append(prefixes, p.Prefix.String())
		}
		refused := "-"
		if s.LastReject != nil {
			refused = ago(s.LastReject.Time, now) + ": " + s.LastReject.Reason
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%s\t%d\t%s\n", s.Name, s.InstanceID, strings.Join(prefixes, ", "), s.Mappings,
			agoOrNever(s.LastRegister, now), s.Rejects, refused)
	}
	return t.Flush()
}

func agoOrNever(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return ago(*t, now)
}

func newSiteShowCommand(n *noun) *cobra.Command {
	var flags lookFlags
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show all that is known of a site",
		Example:           "  corecast site show studio",
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
				site, err := c.Site(ctx, args[0])
				if err != nil {
					return err
				}
				if flags.json {
					return printJSON(w, site)
				}
				return printSite(w, &site, time.Now())
			})
		},
	}
	flags.add(cmd)
	return cmd
}

// printSite prints what an operator looks for who asks why a site does not
// work: what it may do, what it did, and what was refused.
func printSite(w io.Writer, s *api.Site, now time.Time) error {
	t := newTable(w)
	fmt.Fprintf(t, "site %s, instance-id %d\n\n", s.Name, s.InstanceID)
	for i, p := range s.EIDPrefixes {
		fmt.Fprintf(t, "%s\t%s\n", first(i, "EID-prefixes"), prefixState(p))
	}
	for i, r := range s.RLOCs {
		fmt.Fprintf(t, "%s\t%s, priority %d, weight %d\n", first(i, "RLOCs"), r.Address, r.Priority, r.Weight)
	}
	for i, line := range policyLines(s) {
		fmt.Fprintf(t, "%s\t%s\n", first(i, "policy"), line)
	}
	fmt.Fprintf(t, "registers\t%d accepted with %s; the last %s\n", s.Registers, plural(s.Records, "record"), agoOrNever(s.LastRegister, now))
	for i, x := range s.XTRs {
		fmt.Fprintf(t, "%s\t%s, key id %d, %s%s\n", first(i, "xTRs"), x.From, x.KeyID, ago(x.Last, now), xtrSuffix(x))
	}
	fmt.Fprintf(t, "requests\t%d, of which %d forwarded to xTRs\n", s.Requests, s.Forwarded)
	fmt.Fprintf(t, "changes\t%d; %s\n", s.Changes, plural(s.Subscriptions, "subscription"))
	if err := t.Flush(); err != nil {
		return err
	}
	return printSiteTables(w, s, now)
}

func printSiteTables(w io.Writer, s *api.Site, now time.Time) error {
	if len(s.Rejected) == 0 {
		fmt.Fprintln(w, "\nnothing was refused")
	} else {
		fmt.Fprintln(w, "\nrefused:")
	}
	t := newTable(w)
	for _, r := range s.Rejected {
		fmt.Fprintf(t, "  %d\t%s\t%s\n", r.Count, r.Cause, r.Meaning)
	}
	if len(s.LastRejects) > 0 {
		fmt.Fprintln(t, "last refused:")
	}
	for _, r := range s.LastRejects {
		fmt.Fprintf(t, "  %s\t%d times\t%s\t%s\t%s\n", ago(r.Time, now), r.Count, r.From, or(r.EIDPrefix, "-"), r.Reason)
	}
	if err := t.Flush(); err != nil || len(s.Registered) == 0 {
		return err
	}
	fmt.Fprintln(w, "\nregistered:")
	if err := printMappings(w, s.Registered, now); err != nil {
		return err
	}
	if s.MoreRegistered {
		fmt.Fprintf(w, "and more: corecast mapping --site %s\n", s.Name)
	}
	return nil
}

// first is the label of the first line of several.
func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

// manySpecifics is beyond what a controller counts exactly.
const manySpecifics = 900

func prefixState(p api.EIDPrefix) string {
	state := "not registered"
	if p.Registered {
		state = "registered"
	}
	switch {
	case p.MoreSpecifics >= manySpecifics:
		state += fmt.Sprintf(", %d or more within it registered", manySpecifics)
	case p.MoreSpecifics > 0:
		state += fmt.Sprintf(", %d within it registered", p.MoreSpecifics)
	}
	return p.Prefix.String() + " " + state
}

func policyLines(s *api.Site) []string {
	if len(s.Policy.AuthKeys) == 0 {
		return []string{"nobody may register: no auth_keys"}
	}
	var keys, allowed []string
	for _, k := range s.Policy.AuthKeys {
		keys = append(keys, fmt.Sprintf("%d (%s)", k.ID, k.Algorithm))
	}
	for _, p := range s.Policy.AllowedRLOCs {
		allowed = append(allowed, p.String())
	}
	lines := []string{
		"key ids " + strings.Join(keys, ", "),
		fmt.Sprintf("replay protection %s, registrations last %s", s.Policy.Replay, time.Duration(s.Policy.RegistrationTimeout)*time.Second),
		"locators in " + or(strings.Join(allowed, ", "), "any place"),
	}
	if s.Policy.AcceptMoreSpecifics {
		lines = append(lines, "EID-prefixes within those above are accepted")
	}
	return lines
}

func xtrSuffix(x api.XTR) string {
	if x.XTRID == "" {
		return ""
	}
	return fmt.Sprintf(", xTR-ID %s, Site-ID %s", x.XTRID, x.SiteID)
}
