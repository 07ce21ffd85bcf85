package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// What can be waited for.
const (
	forReady   = "ready"
	forDeleted = "deleted"
)

func Wait() *cobra.Command {
	var f cli.REST
	want, timeout := forReady, time.Minute
	nouns := map[string]*noun{}
	for _, n := range []*noun{channelNoun(), switchNoun(), siteNoun()} {
		nouns[string(n.kind)] = n
	}
	cmd := &cobra.Command{
		Use:   "wait (channel | switch | site) NAME",
		Short: "Wait until an object is ready, or gone",
		Long: `Waits until a channel is ready on all its switches, a switch holds what is wanted, or a
site has a mapping; with --for deleted, until the object is gone. Exit status 1, and
the reason, if that does not come true in time.`,
		Example: "  corecast wait channel news --timeout 10s",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 || nouns[args[0]] == nil {
				return cli.Usagef("want channel, switch or site and a name: corecast wait channel news")
			}
			if want != forReady && want != forDeleted {
				return cli.Usagef("--for %q: want %s or %s", want, forReady, forDeleted)
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return []string{"channel", "switch", "site"}, cobra.ShellCompDirectiveNoFileComp
			}
			if n := nouns[args[0]]; n != nil && len(args) == 1 {
				return n.complete(cmd, nil, typed)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.Client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			ref := api.Ref{Kind: api.Kind(args[0]), Name: args[1]}
			switch err := waitFor(ctx, c, ref, want); {
			case err != nil && cmd.Context().Err() == nil && ctx.Err() != nil:
				return fmt.Errorf("%w after %v: corecast %s show %s", err, timeout, args[0], args[1])
			case err != nil:
				return err
			}
			if f.JSON {
				return cli.PrintJSONLine(cmd.OutOrStdout(), map[string]string{"kind": args[0], "name": args[1], "state": want})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s is %s\n", args[0], args[1], want)
			return err
		},
	}
	f.Add(cmd)
	cmd.Flags().StringVar(&want, "for", want, "`WHAT` to wait for: ready or deleted")
	cli.CompleteFlag(cmd, "for", forReady, forDeleted)
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how `LONG` to wait")
	return cmd
}

// waitInterval is how often wait looks.
const waitInterval = 200 * time.Millisecond

func waitFor(ctx context.Context, c *client.Client, ref api.Ref, want string) error {
	var state string
	for {
		now, err := stateOf(ctx, c, ref)
		var refused *client.ProblemError
		gone := errors.As(err, &refused) && refused.Status == http.StatusNotFound
		switch {
		case want == forDeleted && gone, want == forReady && err == nil && now == forReady:
			return nil
		case ctx.Err() == nil && err != nil && !gone:
			return err
		case gone:
			state = "not there"
		case err == nil:
			state = now
		}
		select {
		case <-time.After(waitInterval):
		case <-ctx.Done():
			return fmt.Errorf("%s %s is %s, and not %s", ref.Kind, ref.Name, state, want)
		}
	}
}

// stateOf is "ready" or what an object is instead.
func stateOf(ctx context.Context, c *client.Client, ref api.Ref) (string, error) {
	switch ref.Kind {
	case api.KindChannel:
		ch, err := c.Channel(ctx, ref.Name)
		return cli.WithReason(string(ch.State), ch.Reason), err
	case api.KindSwitch:
		s, err := c.Switch(ctx, ref.Name)
		return cli.WithReason(s.Phase, s.Reason), err
	}
	s, err := c.Site(ctx, ref.Name)
	if err == nil && s.Mappings == 0 && len(s.RLOCs) == 0 {
		return "without a mapping: no xTR has registered", nil
	}
	return forReady, err
}
