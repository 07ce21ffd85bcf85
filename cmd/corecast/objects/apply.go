package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// applyOrder is the order in which objects are made: what is referred to comes
// first.
var applyOrder = []struct {
	key  string // in the configuration file
	kind api.Kind
}{{"sites", api.KindSite}, {"switches", api.KindSwitch}, {"channels", api.KindChannel}}

// applied is what came of one object.
type applied struct {
	Kind   api.Kind `json:"kind"`
	Name   string   `json:"name"`
	Change string   `json:"change"` // created, changed, unchanged or failed
	Why    string   `json:"why,omitempty"`
}

func Apply() *cobra.Command {
	var f cli.REST
	dryRun := false
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Make the sites, switches and channels of a file those of a running controller",
		Long: `Creates or replaces each site, switch and channel of a configuration file (-: stdin) over
REST; what the file does not name stays as it is. The rest of the file is for the
controller that is started with it. The first object that is refused ends it: what
came before stays, and applying the mended file goes on from there.`,
		Example: "  corecast apply channels.yaml --dry-run",
		Args:    cli.OneArgument("one file", "corecast apply FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			objects, err := readObjects(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			c, err := f.Client()
			if err != nil {
				return err
			}
			var all []applied
			err = apply(cmd.Context(), c, objects, dryRun, func(a applied) {
				all = append(all, a)
				if !f.JSON {
					fmt.Fprintln(cmd.OutOrStdout(), a.line(dryRun))
				}
			})
			if f.JSON {
				err = errors.Join(err, cli.PrintJSON(cmd.OutOrStdout(), all))
			}
			return err
		},
	}
	f.Add(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing: say what would be created or changed")
	return cmd
}

func (a *applied) line(dryRun bool) string {
	verb := " "
	if dryRun && a.Change != "unchanged" {
		verb = " would be "
	}
	return cli.WithReason(fmt.Sprintf("%s %s%s%s", a.Kind, a.Name, verb, a.Change), a.Why)
}

// object is one of a file, as the file has it: with secrets, without defaults.
type object struct {
	ref  api.Ref
	spec []byte
}

// readObjects reads those of a file; whether they are right is the controller's to
// say, who has others.
func readObjects(stdin io.Reader, path string) ([]object, error) {
	text, err := configfile.Text(stdin, path)
	if err != nil {
		return nil, cli.Usage(err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, cli.Usage(configfile.Unreadable(path, err))
	}
	if configfile.KindOf(text) == configfile.OfSource {
		return nil, cli.Usagef("%s is the configuration of a source: want sites, switches or channels of a controller", path)
	}
	var objects []object
	for _, o := range applyOrder {
		list, _ := file[o.key].([]any) // what is no list has no names
		for i, item := range list {
			keys, _ := item.(map[string]any)
			name, _ := keys["name"].(string)
			if name == "" {
				return nil, cli.Usagef("%s: %s[%d] has no name", path, o.key, i)
			}
			spec, err := json.Marshal(keys)
			if err != nil {
				return nil, cli.Usagef("%s: %s %s: %v", path, o.kind, name, err)
			}
			objects = append(objects, object{api.Ref{Kind: o.kind, Name: name}, spec})
		}
	}
	if len(objects) == 0 {
		return nil, cli.Usagef("%s has no sites, switches or channels", path)
	}
	return objects, nil
}

// apply writes objects in order. It tells what came of each.
func apply(ctx context.Context, c *client.Client, objects []object, dryRun bool, tell func(applied)) error {
	created := false // something that others may need, and that is not there
	for _, o := range objects {
		a := applied{Kind: o.ref.Kind, Name: o.ref.Name}
		would, err := c.DryRun(ctx, http.MethodPut, o.ref, o.spec, client.Condition{})
		var refused *client.ProblemError
		switch {
		case err != nil && dryRun && created && errors.As(err, &refused):
			a.Change, a.Why = "created or changed", "whether it is right can be told only when what it needs is there"
		case err != nil:
			return of(o.ref, err)
		default:
			a.Change = would.Change
		}
		created = created || a.Change == "created"
		if !dryRun && a.Change != "unchanged" {
			if _, _, err := c.Put(ctx, o.ref, o.spec, client.Condition{}); err != nil {
				return of(o.ref, err)
			}
		}
		tell(a)
	}
	return nil
}

// of says which object an error is about, unless it says so itself or is about
// none: that no controller answers.
func of(ref api.Ref, err error) error {
	object := fmt.Sprintf("%s %s", ref.Kind, ref.Name)
	var refused *client.ProblemError
	if !errors.As(err, &refused) || strings.HasPrefix(err.Error(), object+" ") || strings.HasPrefix(err.Error(), object+":") {
		return err
	}
	return fmt.Errorf("%s: %w", object, err)
}
