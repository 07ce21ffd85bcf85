package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

func newControllerCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "controller --config FILE",
		Short: "Program the switches of a configuration file over P4Runtime, and keep them so",
		Long: `Reads the configuration, connects to its switches and makes each hold exactly the
entries that its sites and channels need: writes what is missing, removes what is
not wanted, and repairs what others change. Runs until SIGINT or SIGTERM; the
switches go on without it.`,
		Example: "  corecast controller --config examples/fig2.yaml",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return usagef("--config is missing: name the configuration file, as --config examples/fig2.yaml")
			}
			cfg, err := config.Load(path)
			if err != nil {
				return err
			}
			return runController(cmd.Context(), cfg, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration `FILE`")
	return cmd
}

// runController runs a controller and tells w whenever a switch changes state.
func runController(ctx context.Context, cfg *config.Config, w io.Writer) error {
	c, err := controller.New(cfg, controller.Options{
		// Until there is a durable counter, later starts win over earlier ones.
		ElectionID: p4rt.ElectionID{Low: uint64(time.Now().UnixNano())},
		// Failures of a switch show in its status lines.
		Logger: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	told := map[string]string{}
	for _, warning := range c.Status().Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, s := range c.Status().Switches {
			line := fmt.Sprintf("%s at %s: %s", s.Name, s.Address, s.Phase)
			if s.Reason != "" {
				line += ": " + s.Reason
			} else if s.Wanted > 0 {
				line += fmt.Sprintf(", %d of %d entries", s.Installed, s.Wanted)
			}
			if told[s.Name] != line {
				told[s.Name] = line
				fmt.Fprintln(w, line)
			}
		}
		select {
		case err := <-done:
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-tick.C:
		}
	}
}

func newCheckCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file without touching a switch",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("want one configuration file, got %d arguments: corecast check FILE", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := config.Load(args[0])
			if err != nil {
				return err
			}
			for _, warning := range cfg.Warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", warning)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]int{
					"switches": len(cfg.Switches), "sites": len(cfg.Sites), "channels": len(cfg.Channels)})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is right: %d switches, %d sites, %d channels\n",
				args[0], len(cfg.Switches), len(cfg.Sites), len(cfg.Channels))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	return cmd
}

// noArguments refuses arguments with a usage error.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q (see `%s --help`)", args[0], cmd.CommandPath())
	}
	return nil
}
