package objects

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
)

func exportCommand(n *noun) *cobra.Command {
	var f cli.REST
	held, dir := false, ""
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write what a switch is to hold as P4Info and P4Runtime writes, for other tools",
		Long: `Writes p4info.txtpb and, in the order in which they must be made, write-001.txtpb and so
on: p4.v1.WriteRequests as prototext, without device and election id. They fill an
empty switch that runs the program.`,
		Example:           "  corecast switch export itr --dir itr && ls itr",
		Args:              n.wantNameAlone,
		ValidArgsFunction: n.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.Client()
			if err != nil {
				return err
			}
			x, err := c.Export(cmd.Context(), args[0], held)
			if err != nil {
				return err
			}
			if f.JSON {
				return cli.PrintJSON(cmd.OutOrStdout(), x)
			}
			return writeExport(cmd, &x, dir)
		},
	}
	f.Add(cmd)
	cmd.Flags().BoolVar(&held, "held", false, "what the switch holds in fact, read from it")
	cmd.Flags().StringVar(&dir, "dir", ".", "write to this `DIRECTORY`")
	return cmd
}

func writeExport(cmd *cobra.Command, x *api.Export, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := map[string]string{"p4info.txtpb": x.P4Info}
	for i, w := range x.WriteRequests {
		files[fmt.Sprintf("write-%03d.txtpb", i+1)] = w
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o644); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s in %s, and the P4Info, in %s\n", x.Switch, cli.Plural(x.Updates, "update"), cli.Plural(len(x.WriteRequests), "write"), dir)
	return err
}
