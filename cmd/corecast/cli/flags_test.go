package cli

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// newTree is a command with a flag of each type that commands have, and one below
// another.
func newTree() *cobra.Command {
	root := &cobra.Command{Use: "corecast", SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return nil }}
	root.SetFlagErrorFunc(FlagError)
	root.Args = func(cmd *cobra.Command, args []string) error { return UnknownCommand(cmd, args[0]) }
	root.SetOut(io.Discard)
	demo := &cobra.Command{Use: "demo", RunE: root.RunE}
	f := demo.Flags()
	f.Int("clients", 1, "")
	f.Uint8("key-id", 1, "")
	f.Uint16("port", 1, "")
	f.Uint32("instance-id", 1, "")
	f.Uint64("seed", 1, "")
	f.Float64("loss", 1, "")
	f.Bool("loop", false, "")
	f.IntSlice("sizes", nil, "")
	f.Duration("duration", time.Second, "")
	f.String("server", "", "the controller's `URL`")
	root.AddCommand(demo, Family("channel", "", &cobra.Command{Use: "list", RunE: root.RunE}, &cobra.Command{Use: "show", RunE: root.RunE}))
	return root
}

// What is wrong is said with the flag or word, its value and what is wanted, and
// never in Go's words.
func TestWrongUse(t *testing.T) {
	for args, want := range map[string]string{
		"demo --clients abc":       `--clients "abc": want a whole number (see`,
		"demo --key-id 300":        `--key-id "300": want a whole number, 0 to 255`,
		"demo --port -1":           `--port "-1": want a whole number, 0 to 65535`,
		"demo --instance-id x":     `--instance-id "x": want a whole number, 0 to 4294967295`,
		"demo --seed -1":           `--seed "-1": want a whole number, 0 or more`,
		"demo --loss much":         `--loss "much": want a number`,
		"demo --loop=perhaps":      `--loop "perhaps": want true or false`,
		"demo --sizes 1,b":         `--sizes "1,b": want whole numbers`,
		"demo --duration 5":        `--duration "5": want a time with its unit`,
		"demo --duration":          `--duration has no value: want a time`,
		"demo --server":            `--server has no value: want URL, the controller's URL`,
		"demo --cleints 3":         "there is no flag --cleints: did you mean --clients?",
		"demo --colour":            "there is no flag --colour (see `corecast demo --help`)",
		"demo -x":                  "there is no flag -x (see",
		"--nosuch":                 "there is no flag --nosuch (see `corecast --help`)",
		"chanel list --server x":   "`corecast` has no command \"chanel\": did you mean `corecast channel`?",
		"channel":                  "`corecast channel` alone does nothing: use list or show",
		"channel lsit --nosuch":    "`corecast channel` has no command \"lsit\": did you mean `corecast channel list`?",
		"channel everything":       "`corecast channel` has no command \"everything\": use list or show",
		"channel list --nosuch":    "there is no flag --nosuch (see `corecast channel list --help`)",
		"channel --nosuch=3 lsit ": "`corecast channel` has no command \"lsit\"",
	} {
		root := newTree()
		root.SetArgs(strings.Fields(args))
		err := root.Execute()
		var usage UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "strconv") {
			t.Errorf("corecast %s: %v\nwant %s", args, err, want)
		}
	}
}
