package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/auth"
)

func newTokenCommand() *cobra.Command {
	return cli.Family("token", "Make tokens for the REST API", newTokenNewCommand())
}

// newToken is what `token new` prints.
type newToken struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Token string `json:"token"`
	Line  string `json:"line"` // of a tokens file
}

func newTokenNewCommand() *cobra.Command {
	var t newToken
	var file string
	var expires time.Duration
	asJSON := false
	cmd := &cobra.Command{
		Use:   "new --name NAME --role viewer|operator|admin [--file FILE]",
		Short: "Make a token, print it once, and add its hash to a tokens file",
		Long: `Makes a token of 256 random bits and prints it on stdout: it is nowhere else. The
line with its hash goes to the end of the tokens file, or to stderr if none is named.
A running controller reads its tokens file (auth.tokens_file) again on SIGHUP.`,
		Example: `  corecast token new --name grafana --role viewer --file tokens
  corecast token new --name deploy --role operator --expires 720h --file tokens >deploy.token`,
		Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			role, err := auth.ParseRole(t.Role)
			if err != nil {
				return cli.Usagef("--role %w", err)
			}
			if expires < 0 {
				return cli.Usagef("--expires %v: want a time to come, such as 720h", expires)
			}
			var ends time.Time
			if expires > 0 {
				ends = time.Now().Add(expires)
			}
			if t.Token, t.Line, err = auth.NewToken(t.Name, role, ends); err != nil {
				return cli.Usagef("--name %w", err)
			}
			if file != "" {
				if err := auth.AppendToken(file, t.Line); err != nil {
					return err
				}
			}
			return t.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), file, asJSON)
		},
	}
	cmd.Flags().StringVar(&t.Name, "name", "", "`NAME` of whose token it is, as changes tell who made them")
	cmd.Flags().StringVar(&t.Role, "role", "", "their `ROLE`: viewer, operator or admin")
	cli.CompleteFlag(cmd, "role", "viewer", "operator", "admin")
	cmd.Flags().StringVar(&file, "file", "", "tokens `FILE` to add its hash to")
	cmd.Flags().DurationVar(&expires, "expires", 0, "how long it is good; for ever if 0")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (t *newToken) print(out, chatter io.Writer, file string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(t)
	}
	if file == "" {
		fmt.Fprintf(chatter, "add this line to auth.tokens_file, and send the controller SIGHUP:\n%s\n", t.Line)
	} else {
		fmt.Fprintf(chatter, "added %s to %s as %s; a running controller reads it on SIGHUP\n", t.Name, file, t.Role)
	}
	_, err := fmt.Fprintln(out, t.Token)
	return err
}
