package main

import (
	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
)

// mendDefaults makes cobra's own commands refuse what they do not know: as they
// come they print help, and exit as if all were well.
func mendDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Short = "Write the completion script of a shell"
			cli.WantMember(cmd)
			for _, shell := range cmd.Commands() {
				shell.Args = cli.NoArguments
			}
		case "help":
			cmd.RunE = help
		}
	}
}

// help shows the help of the command that the words name.
func help(cmd *cobra.Command, words []string) error {
	about, unknown, err := cmd.Root().Find(words)
	if err != nil {
		return cli.Usage(err)
	}
	if len(unknown) > 0 {
		return cli.UnknownCommand(about, unknown[0])
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}
