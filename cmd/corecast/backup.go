package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/store"
)

// storeFlags name a store: by itself, or as the one of a configuration.
type storeFlags struct{ store, config string }

func (f *storeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.store, "store", "", "the store, as `NAME` in the configuration: file:PATH or etcd://HOST:PORT,…/PREFIX")
	cmd.Flags().StringVar(&f.config, "config", "", "the configuration `FILE` whose store it is")
}

// name is the store's; empty if none is named.
func (f *storeFlags) name() (string, error) {
	switch {
	case f.store != "" && f.config != "":
		return "", cli.Usagef("both --store and --config are given: give one")
	case f.config == "":
		return f.store, nil
	}
	cfg, err := configfile.Controller(f.config)
	if err != nil {
		return "", err
	}
	if cfg.Store == "" {
		return "", cli.Usagef("--config %s names no store: add store: %s", f.config, store.Form)
	}
	return cfg.Store, nil
}

func newBackupCommand() *cobra.Command {
	var from storeFlags
	var rest cli.REST
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all that a store holds into one file",
		Long: `Asks a running controller (--server) for all that its store holds at one moment, or
reads the store itself (--store or --config): a file while no controller has it open,
etcd at any time. FILE must not exist; it is made with mode 0600, as it holds secrets.
What tells of running controllers is left out: they write it anew.`,
		Example: `  corecast backup monday.backup
  corecast backup --config /etc/corecast.yaml monday.backup`,
		Args: cli.OneArgument("one file", "corecast backup FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := from.name()
			if err != nil {
				return err
			}
			write := func(w io.Writer) error { return backupStore(cmd.Context(), name, w) }
			if name == "" {
				c, err := rest.Client()
				if err != nil {
					return err
				}
				write = func(w io.Writer) error { return c.Backup(cmd.Context(), w) }
			}
			info, err := store.SaveBackup(args[0], write)
			if err != nil {
				return err
			}
			return tellBackup(cmd.OutOrStdout(), rest.JSON, args[0], info)
		},
	}
	from.add(cmd)
	rest.Add(cmd)
	return cmd
}

func backupStore(ctx context.Context, name string, w io.Writer) error {
	s, err := store.OpenAsIs(ctx, name)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = store.WriteBackup(ctx, s, w, cluster.Prefix)
	return err
}

func newRestoreCommand() *cobra.Command {
	var to storeFlags
	replace, asJSON := false, false
	cmd := &cobra.Command{
		Use:   "restore FILE (--store NAME | --config FILE)",
		Short: "Put a backup into a store",
		Long: `Reads a backup, and if it is whole puts all of it into a store, which must be empty
(or see --force) and which no controller may have open: of the kind that it was made
of, or another. When it is interrupted, a file is what it was before; etcd cannot be
used until restore was run again.`,
		Example: `  corecast restore monday.backup --config /etc/corecast.yaml
  corecast restore monday.backup --store etcd://10.0.0.1:2379,10.0.0.2:2379/corecast`,
		Args: cli.OneArgument("one file", "corecast restore FILE --store NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := to.name()
			if err != nil {
				return err
			}
			if name == "" {
				return cli.Usagef("no store is named: give --store NAME or --config FILE")
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			info, err := store.Restore(cmd.Context(), name, file, replace)
			if err != nil {
				return err
			}
			return tellBackup(cmd.OutOrStdout(), asJSON, args[0], info)
		},
	}
	to.add(cmd)
	cmd.Flags().BoolVar(&replace, "force", false, "replace all that the store holds")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// tellBackup says what is in a backup.
func tellBackup(w io.Writer, asJSON bool, file string, info store.Backup) error {
	if asJSON {
		return cli.PrintJSON(w, info)
	}
	leftOut := ""
	if info.LeftOut > 0 {
		leftOut = fmt.Sprintf("; %d that tell of running controllers are left out", info.LeftOut)
	}
	_, err := fmt.Fprintf(w, "%s: %s at revision %d of %s (schema %d)%s\n", file, cli.Count(info.Entries, "entry", "entries"),
		info.Revision, info.Time.Format("2006-01-02 15:04:05 MST"), info.Schema, leftOut)
	return err
}
