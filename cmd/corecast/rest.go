package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/client"
)

// restFlags are those of every command that asks a controller.
type restFlags struct {
	server string
	json   bool
}

func (f *restFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", client.DefaultServer, "the controller's `URL`")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (f *restFlags) client() (*client.Client, error) {
	c, err := client.New(f.server)
	if err != nil {
		return nil, usagef("--server %w", err)
	}
	return c, nil
}

// printJSON prints one object, indented: it is read by people too.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// newTable aligns what is written to it in cells that end in tabs.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// ago is how long something is past.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return short(now.Sub(t)) + " ago"
}

// short is a duration, as exact as is of use.
func short(d time.Duration) string {
	switch {
	case d < 0:
		d = 0
	case d > 10*time.Minute:
		return d.Round(time.Minute).String()
	}
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// plural counts things.
func plural[N int | uint64](n N, thing string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// or is the text that stands for none.
func or(text, none string) string {
	if text == "" {
		return none
	}
	return text
}
