package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// commands are those that write objects of the kind.
func (n *noun) commands() []*cobra.Command {
	return []*cobra.Command{n.createCommand(), n.setCommand(), n.deleteCommand()}
}

// writeFlags are those of commands that write an object.
type writeFlags struct {
	cli.REST
	file    string
	dryRun  bool
	version string
}

func (f *writeFlags) add(cmd *cobra.Command) {
	f.REST.Add(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "change nothing: show what would be written to each switch, and how full its tables would be")
}

func (f *writeFlags) addFile(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "read the keys from this YAML or JSON `FILE` (-: stdin), for secrets too")
}

func (f *writeFlags) addVersion(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.version, "if-version", "", "only if the object has still this `VERSION`, as `show` says")
}

func (n *noun) createCommand() *cobra.Command {
	var f writeFlags
	replace := false
	cmd := &cobra.Command{
		Use:   "create NAME KEY=VALUE …",
		Short: fmt.Sprintf("Make a %s", n.kind),
		Long: fmt.Sprintf(`Makes a %s. The keys are those of the configuration file; one within another is
written with a dot, values are YAML: a=1, b.c=text, d=[1, 2].`, n.kind),
		Example: fmt.Sprintf("  corecast %s create %s", n.kind, n.example),
		Args:    n.wantName,
		RunE: func(cmd *cobra.Command, args []string) error {
			cond := client.Condition{New: !replace}
			return n.write(cmd, &f, http.MethodPut, args, cond)
		},
	}
	f.add(cmd)
	f.addFile(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "replace the one of that name, if there is one")
	return cmd
}

func (n *noun) setCommand() *cobra.Command {
	var f writeFlags
	cmd := &cobra.Command{
		Use:     "set NAME KEY=VALUE …",
		Short:   fmt.Sprintf("Change some keys of a %s; KEY= takes one out", n.kind),
		Example: fmt.Sprintf("  corecast %s set %s %s --dry-run", n.kind, n.exampleName(), n.change),
		Args: func(cmd *cobra.Command, args []string) error {
			if err := n.wantName(cmd, args); err != nil {
				return err
			}
			if len(args) == 1 && f.file == "" {
				return cli.Usagef("nothing to change: corecast %s set %s KEY=VALUE …", n.kind, args[0])
			}
			return nil
		},
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return n.write(cmd, &f, http.MethodPatch, args, client.Condition{Version: f.version})
		},
	}
	f.add(cmd)
	f.addFile(cmd)
	f.addVersion(cmd)
	return cmd
}

func (n *noun) deleteCommand() *cobra.Command {
	var f writeFlags
	cmd := &cobra.Command{
		Use:               "delete NAME",
		Short:             fmt.Sprintf("Delete a %s", n.kind),
		Example:           fmt.Sprintf("  corecast %s delete %s", n.kind, n.exampleName()),
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return n.write(cmd, &f, http.MethodDelete, args, client.Condition{Version: f.version})
		},
	}
	f.add(cmd)
	f.addVersion(cmd)
	return cmd
}

// write does, or with --dry-run shows, one write, and says what came of it.
func (n *noun) write(cmd *cobra.Command, f *writeFlags, method string, args []string, cond client.Condition) error {
	ref := api.Ref{Kind: n.kind, Name: args[0]}
	body, err := f.body(cmd.InOrStdin(), method, args)
	if err != nil {
		return err
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	if f.dryRun {
		would, err := c.DryRun(cmd.Context(), method, ref, body, cond)
		if err != nil {
			return err
		}
		if f.JSON {
			return cli.PrintJSON(cmd.OutOrStdout(), would)
		}
		return printDryRun(cmd.OutOrStdout(), &would)
	}
	object, done, err := doWrite(cmd.Context(), c, method, ref, body, cond)
	var refused *client.ProblemError
	if errors.As(err, &refused) && refused.Status == http.StatusPreconditionFailed && cond.New {
		return fmt.Errorf("%s %s exists already: change it with `corecast %s set`, or give --replace", n.kind, ref.Name, n.kind)
	}
	if err != nil {
		return err
	}
	if f.JSON && object != nil {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", object)
		return err
	}
	if f.JSON {
		return cli.PrintJSONLine(cmd.OutOrStdout(), map[string]string{"kind": string(n.kind), "name": ref.Name, "change": done})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", n.kind, ref.Name, done)
	return err
}

func doWrite(ctx context.Context, c *client.Client, method string, ref api.Ref, body []byte, cond client.Condition) (object json.RawMessage, done string, err error) {
	done = "changed"
	switch method {
	case http.MethodDelete:
		return nil, "deleted", c.Delete(ctx, ref, cond)
	case http.MethodPatch:
		object, err = c.Patch(ctx, ref, body, cond)
	default:
		var created bool
		if object, created, err = c.Put(ctx, ref, body, cond); created {
			done = "created"
		}
	}
	return object, done, err
}
