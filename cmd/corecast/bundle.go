package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/bundle"
	"github.com/corecast/corecast/cmd/corecast/cli"
)

func newBundleCommand() *cobra.Command {
	var f cli.REST
	cmd := &cobra.Command{
		Use:   "bundle FILE.tar.gz",
		Short: "Write an archive for whoever is to help: status, objects, counters, events, host",
		Long: `Writes what a controller says of its state, its metrics and last events, and what
corecast doctor finds here, into one archive. No secret is in it: a controller tells
none. Viewers are counted and not named. Look through it before you send it away.`,
		Example: "  corecast bundle support.tar.gz && tar tzf support.tar.gz",
		Args:    cli.OneArgument("the file to write", "corecast bundle FILE.tar.gz"),
		RunE:    func(cmd *cobra.Command, args []string) error { return writeBundle(cmd, &f, args[0]) },
	}
	f.Add(cmd)
	return cmd
}

// writeBundle writes a file that was not there before.
func writeBundle(cmd *cobra.Command, f *cli.REST, path string) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	if _, err := c.Status(cmd.Context()); err != nil {
		return err // nobody to ask: no file
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: name a file that is not there yet", err)
	}
	if err != nil {
		return err
	}
	parts := map[string]string{}
	err = bundle.Write(cmd.Context(), file, c, time.Now(), func(name string, failed error) {
		parts[name] = "ok"
		if failed != nil {
			parts[name] = failed.Error()
			fmt.Fprintf(cmd.ErrOrStderr(), "%s could not be had: %v\n", name, failed)
		}
	})
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if f.JSON {
		return cli.PrintJSON(cmd.OutOrStdout(), map[string]any{"file": path, "parts": parts})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files\n", path, len(parts))
	return err
}
