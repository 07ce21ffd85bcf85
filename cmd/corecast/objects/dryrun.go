package objects

import (
	"fmt"
	"io"
	"strings"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
)

func printDryRun(w io.Writer, d *api.DryRun) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s would be %s\n", d.Object.Kind, d.Object.Name, d.Change)
	for _, warning := range d.Warnings {
		fmt.Fprintln(&b, "warning:", warning)
	}
	if len(d.Switches) == 0 {
		b.WriteString("no switch would be written to\n")
	}
	for _, s := range d.Switches {
		fmt.Fprintf(&b, "\n%s: %s, %s, %s\n", s.Switch, cli.Plural(s.Inserts, "insert"), cli.Plural(s.Modifies, "change"), cli.Plural(s.Deletes, "delete"))
		for _, u := range s.Updates {
			fmt.Fprintf(&b, "  %s %s\n", u.Update, u.Entry)
		}
		if more := s.Inserts + s.Modifies + s.Deletes - len(s.Updates); more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
		t := cli.NewTable(&b)
		for _, room := range s.Tables {
			fmt.Fprintf(t, "  table %s\t%d of %d entries, %d now\n", room.Table, room.Then, room.Size, room.Now)
		}
		_ = t.Flush() // a Builder takes everything
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "  problem: %s\n", p)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
