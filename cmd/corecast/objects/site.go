package objects

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

func siteNoun() *noun {
	return &noun{
		kind: api.KindSite, plural: "sites",
		example: "viewers eid_prefixes='[10.1.0.0/16]' rlocs='[{address: 192.0.2.21}]' corecast=true",
		change:  "accept_streams=any",
		names: func(ctx context.Context, c *client.Client) (names []string, err error) {
			list, err := c.Sites(ctx)
			for _, s := range list.Items {
				names = append(names, s.Name)
			}
			return names, err
		},
	}
}

// Site is the command of sites.
func Site() *cobra.Command {
	n := siteNoun()
	list := listCommand(n, "List all sites",
		func(ctx context.Context, c *client.Client) (api.Sites, error) { return c.Sites(ctx) },
		func(w io.Writer, list *api.Sites, wide bool) error {
			if len(list.Items) == 0 {
				return n.none(w, false)
			}
			return printSites(w, list.Items, wide, time.Now())
		})
	show := showCommand(n, "Show all that is known of a site", (*client.Client).Site, printSite)
	return cli.Family("site", "Show and change LISP sites: what they have registered, and what was refused and why",
		append(n.commands(), list, show)...)
}

func printSites(w io.Writer, sites []api.SiteSummary, wide bool, now time.Time) error {
	t := cli.NewTable(w)
	fmt.Fprint(t, "SITE\tINSTANCE\tEID-PREFIXES\tMAPPINGS\tLAST REGISTER\tREFUSED\tLAST REFUSED")
	if wide {
		fmt.Fprint(t, "\tCORECAST\tREGISTERS\tORIGIN\tVERSION")
	}
	fmt.Fprintln(t)
	for i := range sites {
		s := &sites[i]
		var prefixes []string
		for _, p := range s.EIDPrefixes {
			prefixes = append(prefixes, p.Prefix.String())
		}
		refused := "-"
		if s.LastReject != nil {
			refused = cli.Ago(s.LastReject.Time, now) + ": " + s.LastReject.Reason
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%s\t%d\t%s", s.Name, s.InstanceID, strings.Join(prefixes, ", "), s.Mappings,
			agoOrNever(s.LastRegister, now), s.Rejects, refused)
		if wide {
			fmt.Fprintf(t, "\t%s\t%d\t%s\t%s", yesNo(s.CoreCast), s.Registers, origin(&s.Meta), s.Version)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func agoOrNever(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return cli.Ago(*t, now)
}
