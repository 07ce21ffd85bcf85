package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/objects"
	"github.com/corecast/corecast/softswitch"
	"github.com/corecast/corecast/softswitch/afpacket"
	"github.com/corecast/corecast/softswitch/port"
)

// switchFlags are simple_switch_grpc's.
type switchFlags struct {
	interfaces []string
	deviceID   uint64
	noP4       bool
	logLevel   string

	grpcAddress       string
	cpuPort, dropPort uint32
	ssl               bool
	tls               softswitch.TLSFiles
}

func newSwitchCommand() *cobra.Command {
	var f switchFlags
	target := f.targetFlags()
	cmd := &cobra.Command{
		Use:   "switch -i N@IFACE … --device-id N (--no-p4 | PROGRAM.json) -- --grpc-server-addr A:P --cpu-port N",
		Short: "Run the softswitch on Linux interfaces, with simple_switch_grpc's flags",
		Long: `Run the softswitch on Linux interfaces, in place of bmv2's simple_switch_grpc.

It takes the same flags, in the same two groups: those of the switch, then,
after --, those of the target. Target flags are also taken before the --.

Opening an interface needs CAP_NET_RAW. The switch runs until SIGINT or SIGTERM.`,
		Example: `  corecast switch --no-p4 --device-id 1 -i 1@veth0 -i 2@veth2 -- --grpc-server-addr 127.0.0.1:9559 --cpu-port 510`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notCommand(cmd, args); err != nil {
				return err
			}
			program, err := f.parseArgs(args, cmd.ArgsLenAtDash(), target)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), cmd.ErrOrStderr(), program)
		},
	}
	cmd.Flags().StringArrayVarP(&f.interfaces, "interface", "i", nil, "attach interface `N@IFACE` as port N (repeat for more)")
	cmd.Flags().Uint64Var(&f.deviceID, "device-id", 0, "the P4Runtime device `id`")
	cmd.Flags().BoolVar(&f.noP4, "no-p4", false, "start without a program and wait for P4Runtime to push one")
	cmd.Flags().StringVarP(&f.logLevel, "log-level", "L", "info", "debug, info, warn or error")
	cmd.Flags().AddFlagSet(target)
	objects.AddSwitch(cmd)
	return cmd
}

// notCommand refuses what is no program, but nearly one of the commands that show
// and change switches.
func notCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || cli.NearCommand(cmd, args[0]) == "" {
		return nil
	}
	if _, err := os.Stat(args[0]); err == nil {
		return nil
	}
	return cli.UnknownCommand(cmd, args[0])
}

func (f *switchFlags) targetFlags() *pflag.FlagSet {
	t := pflag.NewFlagSet("target", pflag.ContinueOnError)
	t.StringVar(&f.grpcAddress, "grpc-server-addr", "127.0.0.1:9559", "serve P4Runtime on `ADDRESS:PORT`, or unix:PATH")
	t.Uint32Var(&f.cpuPort, "cpu-port", 0, "the `port` of packet-in and packet-out (0: none)")
	t.Uint32Var(&f.dropPort, "drop-port", softswitch.DefaultDropPort, "the egress `port` that means drop")
	t.BoolVar(&f.ssl, "grpc-server-ssl", false, "protect P4Runtime with TLS")
	t.StringVar(&f.tls.CACert, "grpc-server-cacert", "", "`file` of the authorities that client certificates are checked against")
	t.StringVar(&f.tls.Cert, "grpc-server-cert", "", "`file` of the server's certificate")
	t.StringVar(&f.tls.Key, "grpc-server-key", "", "`file` of the server's key")
	t.BoolVar(&f.tls.ClientAuth, "grpc-server-with-client-auth", false, "refuse clients without a certificate")
	return t
}

// parseArgs checks the arguments, dash of which came before the --, and
// returns the path of the program, if one is named.
func (f *switchFlags) parseArgs(args []string, dash int, target *pflag.FlagSet) (program string, err error) {
	if dash >= 0 {
		if err := cli.ParseFlags(target, args[dash:]); err != nil {
			return "", cli.Usagef("after --: %w (see `corecast switch --help`)", err)
		}
		if left := target.Args(); len(left) > 0 {
			return "", cli.Usagef("argument %q after --: only target flags go there", left[0])
		}
		args = args[:dash]
	}
	switch {
	case len(args) > 1:
		return "", cli.Usagef("argument %q: one program is enough", args[1])
	case len(args) == 0 && !f.noP4:
		return "", cli.Usagef("no program: name a BMv2 JSON file, or give --no-p4 to wait for P4Runtime to push one")
	case len(args) == 1 && f.noP4:
		return "", cli.Usagef("both --no-p4 and program %q: leave one out", args[0])
	case f.deviceID == 0:
		return "", cli.Usagef("--device-id 0: P4Runtime device ids start at 1")
	case f.tls != softswitch.TLSFiles{} && !f.ssl:
		return "", cli.Usagef("TLS files without --grpc-server-ssl: add it, or P4Runtime would be unprotected")
	case f.ssl && (f.tls.Cert == "" || f.tls.Key == ""):
		return "", cli.Usagef("--grpc-server-ssl needs --grpc-server-cert and --grpc-server-key")
	}
	if _, _, err := net.SplitHostPort(f.grpcAddress); err != nil {
		return "", cli.Usagef("--grpc-server-addr %s: use ADDRESS:PORT, such as 127.0.0.1:9559, or unix:PATH", f.grpcAddress)
	}
	if len(args) == 0 {
		return "", nil
	}
	return args[0], nil
}

func (f *switchFlags) run(ctx context.Context, stderr io.Writer, program string) error {
	sw, err := f.newSwitch(stderr, program)
	if err != nil {
		return err
	}
	opened, err := f.attach(sw)
	if err == nil {
		var l net.Listener
		if l, err = f.listen(); err == nil {
			fmt.Fprintf(stderr, "corecast switch: device %d ready: P4Runtime on %s, ports %s\n", f.deviceID, l.Addr(), f.portList())
			return sw.Serve(ctx, l)
		}
		err = fmt.Errorf("--grpc-server-addr %s: %w", f.grpcAddress, err)
	}
	for _, p := range opened {
		p.Close()
	}
	return err
}

func (f *switchFlags) listen() (net.Listener, error) {
	if path, unix := strings.CutPrefix(f.grpcAddress, "unix:"); unix {
		return net.Listen("unix", path)
	}
	return net.Listen("tcp", f.grpcAddress)
}

func (f *switchFlags) newSwitch(stderr io.Writer, program string) (*softswitch.Switch, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, cli.Usagef("--log-level %q: use debug, info, warn or error", f.logLevel)
	}
	cfg := softswitch.Config{
		DeviceID: f.deviceID, CPUPort: f.cpuPort, DropPort: f.dropPort,
		Logger: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})),
	}
	if err := cfg.Validate(); err != nil {
		return nil, cli.Usagef("%w (--cpu-port, --drop-port)", err)
	}
	var err error
	if f.ssl {
		if cfg.TLS, err = f.tls.Load(); err != nil {
			return nil, err
		}
	}
	if program != "" {
		if cfg.Program, err = os.ReadFile(program); err != nil {
			return nil, err
		}
	}
	sw, err := softswitch.New(cfg)
	if err != nil && program != "" {
		err = fmt.Errorf("%s: %w", program, err)
	}
	return sw, err
}

// attach opens the interfaces. It returns what it opened even if it fails.
func (f *switchFlags) attach(sw *softswitch.Switch) (opened []port.Port, err error) {
	for _, arg := range f.interfaces {
		id, name, err := parseInterface(arg)
		if err != nil {
			return opened, err
		}
		p, err := afpacket.Open(name, afpacket.Options{})
		if err != nil {
			return opened, fmt.Errorf("-i %s: %w", arg, err)
		}
		opened = append(opened, p)
		if err := sw.AddPort(id, p); err != nil {
			return opened, cli.Usagef("-i %s: %w", arg, err)
		}
	}
	return opened, nil
}

func parseInterface(arg string) (id uint32, name string, err error) {
	number, name, ok := strings.Cut(arg, "@")
	n, numErr := strconv.ParseUint(number, 10, 32)
	if !ok || name == "" || numErr != nil {
		return 0, "", cli.Usagef("-i %s: use PORT@INTERFACE, such as 1@veth0", arg)
	}
	return uint32(n), name, nil
}

func (f *switchFlags) portList() string {
	if len(f.interfaces) == 0 {
		return "none"
	}
	return strings.Join(f.interfaces, " ")
}
