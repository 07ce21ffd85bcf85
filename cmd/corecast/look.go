package main

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

// lookFlags are those of commands that show something, once or again and again.
type lookFlags struct {
	restFlags
	watch  bool
	output string
}

func (f *lookFlags) add(cmd *cobra.Command) {
	f.restFlags.add(cmd)
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "show it again every second, until it is interrupted")
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "`FORM`: table, wide or json")
}

func (f *lookFlags) wide() bool { return f.output == "wide" }

// watchInterval is how often --watch looks again.
const watchInterval = time.Second

// look shows what show prints: once, or with --watch whenever it has changed.
func (f *lookFlags) look(cmd *cobra.Command, show func(context.Context, *client.Client, io.Writer) error) error {
	switch f.output {
	case "json":
		f.json = true
	case "table", "wide":
	default:
		return usagef("-o %q: want table, wide or json", f.output)
	}
	c, err := f.client()
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
