package objects

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
)

// printSite prints what an operator looks for who asks why a site does not
// work: what it may do, what it did, and what was refused.
func printSite(w io.Writer, s *api.Site, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprintf(t, "site %s, instance-id %d\n\n", s.Name, s.InstanceID)
	for i, p := range s.EIDPrefixes {
		fmt.Fprintf(t, "%s\t%s\n", cli.First(i, "EID-prefixes"), prefixState(p))
	}
	for i, r := range s.RLOCs {
		fmt.Fprintf(t, "%s\t%s, priority %d, weight %d\n", cli.First(i, "RLOCs"), r.Address, r.Priority, r.Weight)
	}
	for i, line := range policyLines(s) {
		fmt.Fprintf(t, "%s\t%s\n", cli.First(i, "policy"), line)
	}
	fmt.Fprintf(t, "registers\t%d accepted with %s; the last %s\n", s.Registers, cli.Plural(s.Records, "record"), agoOrNever(s.LastRegister, now))
	for i, x := range s.XTRs {
		fmt.Fprintf(t, "%s\t%s, key id %d, %s%s\n", cli.First(i, "xTRs"), x.From, x.KeyID, cli.Ago(x.Last, now), xtrSuffix(x))
	}
	fmt.Fprintf(t, "requests\t%d, of which %d forwarded to xTRs\n", s.Requests, s.Forwarded)
	fmt.Fprintf(t, "changes\t%d; %s\n", s.Changes, cli.Plural(s.Subscriptions, "subscription"))
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
	t := cli.NewTable(w)
	for _, r := range s.Rejected {
		fmt.Fprintf(t, "  %d\t%s\t%s\n", r.Count, r.Cause, r.Meaning)
	}
	if len(s.LastRejects) > 0 {
		fmt.Fprintln(t, "last refused:")
	}
	for _, r := range s.LastRejects {
		fmt.Fprintf(t, "  %s\t%d times\t%s\t%s\t%s\n", cli.Ago(r.Time, now), r.Count, r.From, cli.Or(r.EIDPrefix, "-"), r.Reason)
	}
	if err := t.Flush(); err != nil || len(s.Registered) == 0 {
		return err
	}
	fmt.Fprintln(w, "\nregistered:")
	if err := printMappings(w, s.Registered, false, now); err != nil {
		return err
	}
	if s.MoreRegistered {
		fmt.Fprintf(w, "and more: corecast mapping --site %s\n", s.Name)
	}
	return nil
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
		"locators in " + cli.Or(strings.Join(allowed, ", "), "any place"),
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
