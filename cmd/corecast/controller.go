package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/cmd/corecast/node"
	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
)

func newControllerCommand() *cobra.Command {
	var path string
	var logs logFlags
	cmd := &cobra.Command{
		Use:   "controller --config FILE",
		Short: "Run the Map-Server, the controller of the switches and the REST API",
		Long: `Reads the configuration and runs what it asks for: a LISP Map-Server and
Map-Resolver on listen.lisp, for the xTRs of its sites; the REST API on listen.http,
which the other commands ask; and for its switches the controller, which makes each
hold exactly the entries that sites, channels and mappings need. Without switches it
is a Map-Server alone. Runs until SIGINT or SIGTERM; the switches go on without it.
SIGHUP makes it read the file again: sites, switches and channels change, and what is
registered stays.`,
		Example: `  corecast controller --config examples/mapserver.yaml
  corecast controller --config examples/fig2.yaml`,
		Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return cli.Usagef("--config is missing: name the configuration file, as --config examples/fig2.yaml")
			}
			cfg, err := configfile.Controller(path)
			if err != nil {
				return err
			}
			log, w, err := logs.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return runController(cmd.Context(), path, cfg, log, w)
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration `FILE`")
	logs.add(cmd)
	return cmd
}

// runController runs a controller, tells w where it listens and whenever a
// switch changes state, and reads its configuration again on SIGHUP.
func runController(ctx context.Context, path string, cfg *config.Config, log *slog.Logger, w io.Writer) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	n, err := node.Open(ctx, cfg, node.Options{Version: version(), Logger: log})
	if err != nil {
		return err
	}
	tellStart(w, cfg, n)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	told := map[string]string{}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		tellSwitches(w, n.Status(), told)
		select {
		case err := <-done:
			return err
		case <-hangup:
			reload(w, path, n)
		case <-tick.C:
		}
	}
}

// reload reads the configuration again. If it cannot be used, the one before
// stays.
func reload(w io.Writer, path string, n *node.Node) {
	cfg, err := configfile.Controller(path)
	if err == nil {
		err = n.Apply(cfg)
	}
	if err := n.ReloadCredentials(); err != nil {
		fmt.Fprintf(w, "the tokens and certificates before are in use:\n%v\n", err)
	}
	if err != nil {
		fmt.Fprintf(w, "%s is not in use; the configuration before it is:\n%v\n", path, err)
		return
	}
	for _, warning := range cfg.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	fmt.Fprintf(w, "%s is in use: %s\n", path, objectCounts(cfg))
}

// tellStart says what runs where.
func tellStart(w io.Writer, cfg *config.Config, n *node.Node) {
	for _, warning := range n.Status().Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	for _, a := range n.MapServerAddresses() {
		fmt.Fprintf(w, "Map-Server on %s, for %s\n", a, cli.Plural(len(cfg.Sites), "site"))
	}
	if url := n.URL(); url != "" {
		fmt.Fprintf(w, "REST API on %s: see `corecast status`\n", url)
	}
}

// tellSwitches says what is new of the switches.
func tellSwitches(w io.Writer, status controller.Status, told map[string]string) {
	for _, s := range status.Switches {
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
}

// version is what this program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

// objectCounts says how many objects a configuration has.
func objectCounts(cfg *config.Config) string {
	return fmt.Sprintf("%s, %s, %s", cli.Count(len(cfg.Switches), "switch", "switches"), cli.Plural(len(cfg.Sites), "site"), cli.Plural(len(cfg.Channels), "channel"))
}
