package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// noun is a kind of object that can be written; what differs between kinds is
// how they are shown.
type noun struct {
	kind    api.Kind
	example string // of the KEY=VALUEs that make one
	names   func(ctx context.Context, c *client.Client) ([]string, error)
}

// commands are those that write objects of the kind.
func (n *noun) commands() []*cobra.Command {
	return []*cobra.Command{n.createCommand(), n.setCommand(), n.deleteCommand()}
}

// writeFlags are those of commands that write an object.
type writeFlags struct {
	restFlags
	file    string
	dryRun  bool
	version string
}

func (f *writeFlags) add(cmd *cobra.Command) {
	f.restFlags.add(cmd)
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
		Use:   "set NAME KEY=VALUE …",
		Short: fmt.Sprintf("Change some keys of a %s; KEY= takes one out", n.kind),
		Args: func(cmd *cobra.Command, args []string) error {
			if err := n.wantName(cmd, args); err != nil {
				return err
			}
			if len(args) == 1 && f.file == "" {
				return usagef("nothing to change: corecast %s set %s KEY=VALUE …", n.kind, args[0])
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

func (n *noun) wantName(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || strings.Contains(args[0], "=") {
		return usagef("want the name of a %s: %s", n.kind, cmd.UseLine())
	}
	return nil
}

// wantNameAlone is wantName, of commands that take nothing else.
func (n *noun) wantNameAlone(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("unexpected argument %q: one %s at a time", args[1], n.kind)
	}
	return n.wantName(cmd, args)
}

// write does, or with --dry-run shows, one write, and says what came of it.
func (n *noun) write(cmd *cobra.Command, f *writeFlags, method string, args []string, cond client.Condition) error {
	ref := api.Ref{Kind: n.kind, Name: args[0]}
	body, err := f.body(cmd.InOrStdin(), method, args)
	if err != nil {
		return err
	}
	c, err := f.client()
	if err != nil {
		return err
	}
	if f.dryRun {
		would, err := c.DryRun(cmd.Context(), method, ref, body, cond)
		if err != nil {
			return err
		}
		if f.json {
			return printJSON(cmd.OutOrStdout(), would)
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
	if f.json && object != nil {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", object)
		return err
	}
	if f.json {
		return printJSONLine(cmd.OutOrStdout(), map[string]string{"kind": string(n.kind), "name": ref.Name, "change": done})
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

// body is the JSON of the keys that the file and the arguments give.
func (f *writeFlags) body(stdin io.Reader, method string, args []string) ([]byte, error) {
	if method == http.MethodDelete {
		return nil, nil
	}
	keys := map[string]any{}
	if f.file != "" {
		text, err := readFileOr(stdin, f.file)
		if err != nil {
			return nil, usagef("--file: %w", err)
		}
		if err := yaml.Unmarshal(text, &keys); err != nil {
			return nil, usagef("--file %s: %w", f.file, err)
		}
	}
	for _, a := range args[1:] {
		if err := assign(keys, a); err != nil {
			return nil, err
		}
	}
	if method == http.MethodPut {
		keys["name"] = args[0]
	}
	return json.Marshal(keys)
}

func readFileOr(stdin io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(stdin, 1<<20))
	}
	return os.ReadFile(path)
}

// assign puts what KEY=VALUE says into keys. KEY= is null, which a merge patch
// takes out.
func assign(keys map[string]any, text string) error {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return usagef("%q: want KEY=VALUE, as redundancy=16 or ingress.port=1", text)
	}
	var v any
	if value != "" {
		if err := yaml.Unmarshal([]byte(value), &v); err != nil {
			return usagef("%q: the value is no YAML: %v", text, err)
		}
	}
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := keys[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			keys[name] = inner
		}
		keys = inner
	}
	keys[names[len(names)-1]] = v
	return nil
}

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
		fmt.Fprintf(&b, "\n%s: %s, %s, %s\n", s.Switch, plural(s.Inserts, "insert"), plural(s.Modifies, "change"), plural(s.Deletes, "delete"))
		for _, u := range s.Updates {
			fmt.Fprintf(&b, "  %s %s\n", u.Update, u.Entry)
		}
		if more := s.Inserts + s.Modifies + s.Deletes - len(s.Updates); more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
		t := newTable(&b)
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

// completionTime is how long a shell waits for names.
const completionTime = time.Second

// complete offers the names of a kind's objects, if a controller answers.
func (n *noun) complete(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	f := restFlags{server: client.DefaultServer}
	if set := cmd.Flags().Lookup("server"); set != nil {
		f.server = set.Value.String()
	}
	c, err := f.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := n.names(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, typed) })
	return names, cobra.ShellCompDirectiveNoFileComp
}
