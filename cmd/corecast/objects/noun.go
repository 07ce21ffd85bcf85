package objects

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// noun is a kind of object: what commands that work alike for all kinds need to
// know of it.
type noun struct {
	kind    api.Kind
	plural  string
	example string // of the KEY=VALUEs that make one
	change  string // of one that changes it
	names   func(ctx context.Context, c *client.Client) ([]string, error)
}

// listCommand shows all objects of a kind, or those that filters leave.
func listCommand[T any](n *noun, short string, get func(context.Context, *client.Client) (T, error), print func(w io.Writer, list *T, wide bool) error) *cobra.Command {
	var f cli.Look
	cmd := &cobra.Command{
		Use:     "list",
		Short:   short,
		Example: fmt.Sprintf("  corecast %s list -o wide --watch", n.kind),
		Args:    cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cli.Show(cmd, &f, get, func(w io.Writer, list *T) error { return print(w, list, f.Wide()) })
		},
	}
	f.Add(cmd)
	return cmd
}

// showCommand shows one object.
func showCommand[T any](n *noun, short string, get func(c *client.Client, ctx context.Context, name string) (T, error), print func(io.Writer, *T, time.Time) error) *cobra.Command {
	var f cli.Look
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             short,
		Example:           fmt.Sprintf("  corecast %s show %s --watch", n.kind, n.exampleName()),
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := func(ctx context.Context, c *client.Client) (T, error) { return get(c, ctx, args[0]) }
			return cli.Show(cmd, &f, ask, func(w io.Writer, v *T) error { return print(w, v, time.Now()) })
		},
	}
	f.Add(cmd)
	return cmd
}

// none says that a list is empty, and what would fill it; filtered is whether
// filters may have emptied it.
func (n *noun) none(w io.Writer, filtered bool) error {
	text := fmt.Sprintf("no %s; make one with: corecast %s create %s", n.plural, n.kind, n.example)
	if filtered {
		text = fmt.Sprintf("no such %s; all of them: corecast %s list", n.plural, n.kind)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// exampleName is the name of the example.
func (n *noun) exampleName() string {
	name, _, _ := strings.Cut(n.example, " ")
	return name
}

func (n *noun) wantName(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || strings.Contains(args[0], "=") {
		return cli.Usagef("want the name of a %s: %s", n.kind, cmd.UseLine())
	}
	return nil
}

// wantNameAlone is wantName, of commands that take nothing else.
func (n *noun) wantNameAlone(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return cli.Usagef("unexpected argument %q: one %s at a time", args[1], n.kind)
	}
	return n.wantName(cmd, args)
}

// completionTime is how long a shell waits for names.
const completionTime = time.Second

// complete offers the names of a kind's objects, if a controller answers, as the
// first argument.
func (n *noun) complete(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return n.completeFlag(cmd, args, typed)
}

// completeFlag is complete for the value of a flag, whatever the arguments are.
func (n *noun) completeFlag(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	c, err := cli.RESTOf(cmd).Client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := n.names(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, typed) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// CompleteChannel offers names of channels as values of a flag.
func CompleteChannel(cmd *cobra.Command, flag string) { channelNoun().completes(cmd, flag) }

// CompleteSwitch offers names of switches as values of a flag.
func CompleteSwitch(cmd *cobra.Command, flag string) { switchNoun().completes(cmd, flag) }

func (n *noun) completes(cmd *cobra.Command, flag string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, n.completeFlag) // the flag is there
}
