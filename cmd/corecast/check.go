package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/source/station"
)

// checked is what `check --json` prints of a right file.
type checked struct {
	For      configfile.Kind `json:"for"` // controller or source
	Switches int             `json:"switches"`
	Sites    int             `json:"sites"`
	Channels int             `json:"channels"`
}

func newCheckCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file without touching a switch",
		Long: `Reads the configuration of a controller or of a source, whichever it is, and says what
is wrong with it: the line, what is there and what would be right. Nothing is started.
Exit status 0 if it is right, 78 if not.`,
		Example: `  corecast check examples/fig2.yaml
  corecast check examples/source.yaml`,
		Args: cli.OneArgument("one configuration file", "corecast check FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			result, line, err := check(cmd, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSONLine(cmd.OutOrStdout(), result)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	return cmd
}

// check reads a file as what it is. The line says so.
func check(cmd *cobra.Command, path string) (result checked, line string, err error) {
	text, err := config.Read(path) // once: it may be a pipe
	if err != nil {
		_, err := config.Load(path) // says so
		return result, "", err
	}
	if configfile.KindOf(text) == configfile.OfSource {
		cfg, err := station.Decode(path, text)
		if err != nil {
			return result, "", configfile.Wrong(err)
		}
		result = checked{For: configfile.OfSource, Sites: len(cfg.Sites), Channels: len(cfg.Channels)}
		return result, fmt.Sprintf("%s is right, for a source: %s", path, cli.Plural(len(cfg.Channels), "channel")), nil
	}
	cfg, err := config.Decode(path, text)
	if err != nil {
		return result, "", err
	}
	for _, warning := range cfg.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", warning)
	}
	result = checked{configfile.OfController, len(cfg.Switches), len(cfg.Sites), len(cfg.Channels)}
	return result, fmt.Sprintf("%s is right: %s", path, objectCounts(cfg)), nil
}
