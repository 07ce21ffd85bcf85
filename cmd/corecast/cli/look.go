package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/corecast/corecast/northbound/client"
)

// Look are the flags of commands that show something, once or again and again.
type Look struct {
	REST
	watch  bool
	output string
}

// Forms of what is shown.
const (
	formTable = "table"
	formWide  = "wide"
	formJSON  = "json"
)

// Add adds the flags to a command.
func (f *Look) Add(cmd *cobra.Command) {
	f.REST.Add(cmd)
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "show it again every second, until it is interrupted")
	cmd.Flags().StringVarP(&f.output, "output", "o", formTable, "`FORM`: table, wide or json")
	CompleteFlag(cmd, "output", formTable, formWide, formJSON)
}

// CompleteFlag offers words as values of a flag.
func CompleteFlag(cmd *cobra.Command, flag string, words ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// Wide reports whether all that is known is to be shown.
func (f *Look) Wide() bool { return f.output == formWide }

// Show asks a controller for a T and prints it: with print, or as JSON; once, or
// with --watch whenever it has changed.
func Show[T any](cmd *cobra.Command, f *Look, get func(context.Context, *client.Client) (T, error), print func(io.Writer, *T) error) error {
	return f.look(cmd, func(ctx context.Context, c *client.Client, w io.Writer) error {
		answer, err := get(ctx, c)
		if err != nil {
			return err
		}
		if f.JSON {
			return PrintJSON(w, answer)
		}
		return print(w, &answer)
	})
}

// watchInterval is how often --watch looks again.
const watchInterval = time.Second

// look shows what show prints: once, or with --watch whenever it has changed.
func (f *Look) look(cmd *cobra.Command, show func(context.Context, *client.Client, io.Writer) error) error {
	switch f.output {
	case formJSON:
		f.JSON = true
	case formTable, formWide:
	default:
		return Usagef("-o %q: want table, wide or json", f.output)
	}
	c, err := f.Client()
	if err != nil {
		return err
	}
	if !f.watch {
		return show(cmd.Context(), c, cmd.OutOrStdout())
	}
	var last []byte
	for {
		var now bytes.Buffer
		if err := show(cmd.Context(), c, &now); err != nil {
			if cmd.Context().Err() != nil {
				return nil // interrupted, as it is meant to end
			}
			return err
		}
		if !bytes.Equal(now.Bytes(), last) {
			if err := redraw(cmd.OutOrStdout(), now.Bytes(), last != nil); err != nil {
				return err
			}
			last = now.Bytes()
		}
		select {
		case <-time.After(watchInterval):
		case <-cmd.Context().Done():
			return nil
		}
	}
}

// redraw prints something in place of what was printed before; where it cannot
// be wiped out, after an empty line.
func redraw(w io.Writer, text []byte, again bool) error {
	before := ""
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		before = "\x1b[H\x1b[2J"
	} else if again {
		before = "\n"
	}
	_, err := w.Write(append([]byte(before), text...))
	return err
}
