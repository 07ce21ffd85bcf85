package main

import (
	"bytes"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
)

// logFlags say how a program that runs on tells what happens.
type logFlags struct{ format, level string }

func (f *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "log-format", "text", "how to write what happens to stderr: `text|json`")
	cmd.Flags().StringVar(&f.level, "log-level", "info", "how much of it: `debug|info|warn|error`")
	cli.CompleteFlag(cmd, "log-format", "text", "json")
	cli.CompleteFlag(cmd, "log-level", "debug", "info", "warn", "error")
}

// open returns the log, and a writer for lines that are always told: plain ones
// to w, or entries of the log in JSON.
func (f *logFlags) open(w io.Writer) (*slog.Logger, io.Writer, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return nil, nil, cli.Usagef("--log-level %q: want debug, info, warn or error", f.level)
	}
	o := &slog.HandlerOptions{Level: level}
	switch f.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), w, nil
	case "json":
		all := slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
		return slog.New(slog.NewJSONHandler(w, o)), lineLogger{all}, nil
	}
	return nil, nil, cli.Usagef("--log-format %q: want text or json", f.format)
}

// lineLogger logs each line that is written to it.
type lineLogger struct{ log *slog.Logger }

// Write implements io.Writer.
func (l lineLogger) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			l.log.Info(string(line))
		}
	}
	return len(p), nil
}
