// Command corecast is the one binary of CoreCast: the demo, the softswitch, the
// controller, the source and tools. One file a subcommand; what they do is in the
// packages they call.
//
// Results go to stdout, everything else to stderr. Exit status: 0 done,
// 1 failed, 2 wrong usage, 78 wrong configuration.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/objects"
	"github.com/corecast/corecast/controller/config"
)

// Exit statuses of the contract, beside config.ExitCode.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what does not heed the first

	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "corecast:", err.Error()+cli.Hint(err))
	return exitCode(err)
}

func exitCode(err error) int {
	var wrong *config.Error
	var usage cli.UsageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &wrong):
		return config.ExitCode
	}
	return exitFailed
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "corecast",
		Short: "Live streaming through the network itself: one payload, many viewers",
		Long: `Live streaming through the network itself: one payload, many viewers.

Results go to standard output, everything else to standard error. Exit status: 0 done,
1 failed, 2 wrong usage, 78 wrong configuration.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.UnknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(cmd.ErrOrStderr(), "Start with `corecast demo`: the whole network in one process, no root needed.\n"+
				"Where a controller runs, `corecast status` says what is broken first.\n\n")
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(cli.FlagError)
	group(root, "start", "Start here:", newDemoCommand(), newDoctorCommand(), newCheckCommand())
	group(root, "run", "Run:", newControllerCommand(), newSwitchCommand(), newSourceCommand(), newWatchCommand())
	group(root, "look", "Look:", newStatusCommand(), objects.Channel(), objects.Site(), objects.Mapping(), newEventsCommand(), objects.Wait(),
		newTraceCommand(), newWhyCommand(), newLigCommand())
	group(root, "change", "Change:", objects.Apply(), newBackupCommand(), newRestoreCommand())
	group(root, "tools", "Tools:", newTokenCommand(), newBundleCommand(), newBenchCommand(), newManCommand())
	root.SetHelpCommandGroupID("tools")
	root.SetCompletionCommandGroupID("tools")
	mendDefaults(root)
	return root
}

// group adds commands under a heading of their own in the help.
func group(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, c := range commands {
		c.GroupID = id
	}
	root.AddCommand(commands...)
}
