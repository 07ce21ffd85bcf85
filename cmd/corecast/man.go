package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/corecast/corecast/cmd/corecast/cli"
)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIRECTORY",
		Short:   "Write a man page for each command",
		Example: "  corecast man /usr/local/share/man/man1",
		Args:    cli.OneArgument("the directory to write to", "corecast man DIRECTORY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			header := &doc.GenManHeader{Title: "CORECAST", Section: "1", Source: "CoreCast", Manual: "CoreCast"}
			root := cmd.Root()
			root.DisableAutoGenTag = true // pages of one version are always the same
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "man pages are in %s: man -l %s/corecast.1\n", args[0], args[0])
			return nil
		},
	}
}
