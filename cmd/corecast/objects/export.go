package objects

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/p4/build"
)

func exportCommand(n *noun) *cobra.Command {
	var f cli.REST
	held, dir := false, ""
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write what a switch is to hold as P4Info and P4Runtime writes, for other tools",
		Long: `Writes the program for bmv2 and softswitch, program.json, with its p4info.txtpb, and, in
the order in which they must be made, write-001.txtpb and so on: p4.v1.WriteRequests as
prototext, without device and election id. They fill an empty switch that runs the
program. examples/p4runtime replays them without CoreCast.`,
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
	digits := max(3, len(strconv.Itoa(len(x.WriteRequests)))) // names sort as the writes go
	for i, w := range x.WriteRequests {
		files[fmt.Sprintf("write-%0*d.txtpb", digits, i+1)] = w
	}
	if sameProgram(x.P4Info) {
		files["program.json"] = string(build.DeviceConfig())
	} else {
		fmt.Fprintln(cmd.ErrOrStderr(), "the controller has another program than this corecast: no program.json; take it with the corecast of its version")
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o644); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: program, P4Info, and %s in %s, in %s\n", x.Switch, cli.Plural(x.Updates, "update"), cli.Plural(len(x.WriteRequests), "write"), dir)
	return err
}

// sameProgram reports whether a P4Info is that of the program that this command has.
func sameProgram(text string) bool {
	info := new(p4configv1.P4Info)
	return prototext.Unmarshal([]byte(text), info) == nil && proto.Equal(info, build.P4Info())
}
