package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/northbound/client"
	"github.com/corecast/corecast/source/mappings"
	"github.com/corecast/corecast/source/station"
	"github.com/corecast/corecast/source/turn"
)

// sourceFlags are the configuration of a source of one channel.
type sourceFlags struct {
	config                              string
	cfg                                 station.Config
	channel                             station.Channel
	sourceEID, reservedEID, rloc        string
	viewers                             []string
	mapServer, mapServerKeyEnv          string
	registered                          string
	mapServerKeyID                      uint8
	reconnect, asJSON                   bool
	hookSecretEnv, operatorEnv, hookEnv string
	duration                            time.Duration
	report                              reportFlags
}

func newSourceCommand() *cobra.Command {
	var f sourceFlags
	cmd := &cobra.Command{
		Use:   "source (--channel NAME --input INPUT --reserved-eid EID | --config FILE)",
		Short: "Send a channel to its ITR, once, and let viewers join",
		Long: `Takes media from an encoder or a file, cuts it into payload packets and sends each
once to the channel's reserved EID, followed by headers for the viewers. Viewers
join over HTTP (see docs/source.md): with corecast watch, the page at /, or a player.

The host must route the reserved EID to the ITR; --itr checks that it does. Several
channels, or settings that have no flag, go into a file: --config. Runs until the
media ends, or SIGINT or SIGTERM.`,
		Example: `  corecast source --channel news --input srt://:9000?mode=listener --reserved-eid 10.0.255.1 --itr 10.0.0.1
  corecast source --channel news --input film.ts --loop --reserved-eid 10.0.255.1 --viewer 10.1.0.11:5004
  corecast source --config source.yaml`,
		Args: cli.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := f.load(cmd.Flags())
			if err != nil {
				return err
			}
			controller, err := f.report.client()
			if err != nil {
				return err
			}
			return runSource(cmd.Context(), cfg, &f, controller, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *sourceFlags) register(t *pflag.FlagSet) {
	c := &f.channel
	t.StringVar(&f.config, "config", "", "read all from this YAML `FILE`")
	t.StringVar(&c.Name, "channel", "", "the channel's `NAME`")
	t.StringVar(&c.Title, "title", "", "its name for people")
	t.StringVar(&c.Input, "input", "", "media: a file, -, udp://[group]:port, rtp://…, srt://host:port or srt://:port?mode=listener")
	t.BoolVar(&c.Loop, "loop", false, "play a file again and again")
	t.BoolVar(&f.reconnect, "reconnect", true, "wait when a live input falls silent, and connect again")
	t.DurationVar(&c.Silence, "silence", 0, "how long a live input may be silent (default 5s)")
	t.BoolVar(&c.Opaque, "opaque", false, "take the media as it is, whatever it is")
	t.IntVar(&c.Bitrate, "bitrate", 0, "bit/s of media that has no clock of its own (default 4000000)")
	t.StringVar(&f.sourceEID, "source-eid", "", "the source's `EID` (default: the address that the host sends from)")
	t.StringVar(&f.reservedEID, "reserved-eid", "", "the `EID` that identifies the channel at the ITR")
	t.StringVar(&c.ITR, "itr", "", "the ITR's `ADDRESS`: refuse to start unless the reserved EID is routed there; or self: do its work")
	t.IntVar(&c.Redundancy, "redundancy", 0, "with --itr self: repeat the payload to an RLOC after so many headers")
	t.Uint16Var(&c.UDPPort, "udp-port", station.DefaultUDPPort, "the UDP port that viewers see media come from")
	t.IntVar(&c.MTU, "mtu", 0, "the IP MTU between ITR and ETRs (default 1500, or the own link's)")
	t.IntVar(&c.Payload, "payload", 0, "media bytes in a payload packet (default: what the MTU takes)")
	t.IntVar(&c.List, "list", station.DefaultList, "viewers in a header packet, of sites whose RLOC is known")
	t.IntVar(&c.Burst, "burst", 0, "header packets at once; 16 for bmv2 (default: what is due in 1 ms)")
	t.StringVar(&c.Segmentation, "segmentation", "auto", "let the kernel cut bursts: on, off, or auto: not over a veth pair")
	t.StringSliceVar(&f.viewers, "viewer", nil, "serve this viewer, `EID:PORT`, for good (repeat for more)")
	t.StringSliceVar(&f.cfg.Mappings.Resolvers, "map-resolver", nil, "ask this Map-Resolver for the viewers' mappings, `ADDRESS[:PORT]` (several: in turns)")
	t.StringVar(&f.rloc, "rloc", "", "the host's `ADDRESS` towards Map-Resolvers and ETRs (default: by the routes)")
	t.Uint32Var(&f.cfg.Mappings.InstanceID, "instance-id", 0, "the LISP instance of all EIDs")
	t.StringVar(&f.registered, "register", "", "be told of changes by the Map-Server: register this EID-`PREFIX` with it")
	t.StringVar(&f.mapServer, "map-server", "", "the Map-Server's `ADDRESS[:PORT]` (default: the first Map-Resolver)")
	t.Uint8Var(&f.mapServerKeyID, "map-server-key-id", 1, "the id of the key shared with it")
	t.StringVar(&f.mapServerKeyEnv, "map-server-key-env", "", "the environment variable with the `NAME` has the key")
	t.StringVar(&f.cfg.Listen, "listen", "127.0.0.1:8081", "serve the viewer API on this `ADDRESS:PORT`; empty for not")
	t.StringVar(&f.cfg.TLS.Cert, "tls-cert", "", "`FILE` of the viewer API's certificate")
	t.StringVar(&f.cfg.TLS.Key, "tls-key", "", "`FILE` of its key")
	t.StringVar(&f.cfg.Proof, "proof", "", "send nonces from this UDP `ADDRESS:PORT`, for viewers that are not the client itself")
	t.StringVar(&f.cfg.Auth.JWKS, "auth-jwks", "", "let in who has a token signed with a key of this set: `URL` or file")
	t.StringVar(&f.cfg.Auth.Issuer, "auth-issuer", "", "the tokens' issuer")
	t.StringVar(&f.cfg.Auth.Audience, "auth-audience", "", "the tokens' audience")
	t.StringVar(&f.cfg.Auth.Hook, "auth-hook", "", "let in whom this `URL` says, asked with a POST")
	t.StringVar(&f.hookSecretEnv, "auth-hook-secret-env", "", "the environment variable with the `NAME` has the secret that signs its requests")
	t.StringVar(&f.cfg.Webhook.URL, "webhook", "", "tell this `URL` who joins, leaves and expires")
	t.StringVar(&f.hookEnv, "webhook-secret-env", "", "the environment variable with the `NAME` has the secret that signs its requests")
	t.StringVar(&f.operatorEnv, "operator-token-env", "", "the environment variable with the `NAME` has the token that may see events")
	t.StringVar(&f.cfg.Store, "store", "", "keep leases and sequence numbers over restarts in this `STORE`: file:PATH, or an etcd:// that standbys share")
	t.DurationVar(&f.cfg.Takeover, "takeover", turn.DefaultTTL, "how long the source that sends may be gone before a standby takes over")
	t.StringVar(&f.cfg.Advertise, "advertise", "", "the `URL` of the viewer API, that standbys lead viewers to (default: that of --listen)")
	t.DurationVar(&f.duration, "duration", 0, "stop after this time (default: never)")
	t.BoolVar(&f.asJSON, "json", false, "print a report as one JSON object at the end")
	f.report.add(t)
}

// withConfig are the flags that may stand beside --config.
var withConfig = map[string]bool{"config": true, "json": true, "duration": true,
	"controller": true, "report-as": true, "controller-token-file": true, "controller-ca": true}

// load reads the file or makes a configuration of the flags.
func (f *sourceFlags) load(flags *pflag.FlagSet) (*station.Config, error) {
	if f.config != "" {
		var beside error
		flags.Visit(func(flag *pflag.Flag) {
			if !withConfig[flag.Name] {
				beside = cli.Usagef("--%s beside --config %s: put it into the file", flag.Name, f.config)
			}
		})
		if beside != nil {
			return nil, beside
		}
		return configfile.Source(f.config)
	}
	if f.channel.Name == "" {
		return nil, cli.Usagef("--channel is missing: name the channel, or give a file with --config")
	}
	for _, a := range []struct {
		flag, value string
		to          *netip.Addr
	}{
		{"source-eid", f.sourceEID, &f.channel.SourceEID},
		{"reserved-eid", f.reservedEID, &f.channel.ReservedEID},
		{"rloc", f.rloc, &f.cfg.Mappings.Address},
	} {
		var err error
		if a.value != "" {
			if *a.to, err = netip.ParseAddr(a.value); err != nil {
				return nil, cli.Usagef("--%s %q: want an IP address", a.flag, a.value)
			}
		}
	}
	for _, v := range f.viewers {
		viewer, err := netip.ParseAddrPort(v)
		if err != nil {
			return nil, cli.Usagef("--viewer %q: want EID:PORT, such as 10.1.0.11:5004", v)
		}
		f.channel.Viewers = append(f.channel.Viewers, viewer)
	}
	if f.registered != "" {
		prefix, err := netip.ParsePrefix(f.registered)
		if err != nil {
			return nil, cli.Usagef("--register %q: want an EID-prefix, such as 10.0.0.10/32", f.registered)
		}
		f.cfg.Mappings.Subscribe = &station.Subscribe{MapServer: f.mapServer, EIDPrefix: prefix, KeyID: f.mapServerKeyID,
			Secret: station.Secret{Env: f.mapServerKeyEnv}}
	}
	f.channel.Reconnect = &f.reconnect
	f.cfg.Channels = []station.Channel{f.channel}
	f.cfg.Auth.Secret.Env, f.cfg.Webhook.Secret.Env, f.cfg.Operator.Env = f.hookSecretEnv, f.hookEnv, f.operatorEnv
	return &f.cfg, badFlag(f.cfg.Complete())
}

// flagOf are the flags with other names than the parts of the configuration that
// they say.
var flagOf = map[string]string{
	"mappings.resolvers": "map-resolver", "mappings.subscribe.map_server": "map-server",
	"mappings.subscribe.eid_prefix": "register", "mappings.subscribe.secret": "map-server-key-env",
}

// badFlag makes an error about a part of the configuration one about the flag
// that says it.
func badFlag(err error) error {
	var wrong *station.Error
	if !errors.As(err, &wrong) {
		return err
	}
	for path, flag := range flagOf {
		if strings.HasPrefix(wrong.Path, path) {
			return cli.Usagef("--%s: %s", flag, wrong.What)
		}
	}
	flag := strings.TrimSuffix(strings.TrimPrefix(wrong.Path, "channels[0]."), ".url")
	return cli.Usagef("--%s: %s", strings.NewReplacer("_", "-", ".", "-").Replace(flag), wrong.What)
}

// wrongSource makes an error about the configuration one about the file or the
// flag that says it.
func wrongSource(err error) error {
	var wrong *station.Error
	if errors.As(err, &wrong) && wrong.File == "" {
		return badFlag(err)
	}
	return configfile.Wrong(err)
}

// statusPeriod is how often a running source says how it does.
const statusPeriod = 10 * time.Second

func runSource(ctx context.Context, cfg *station.Config, f *sourceFlags, controller *client.Client, out, chatter io.Writer) error {
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	tell, stop := newTeller(chatter)
	defer stop()
	s, err := station.New(ctx, cfg, tell)
	if err != nil {
		return wrongSource(err)
	}
	if addr := s.APIAddr(); addr != nil {
		tell(fmt.Sprintf("viewers join at %s", addr))
	}
	stopStatus := every(statusPeriod, func() {
		for _, line := range s.Status() {
			tell(line)
		}
	})
	defer stopStatus()
	stopReports := f.report.start(ctx, controller, s, tell)
	reports, err := s.Run(ctx)
	stopReports()
	return errors.Join(err, printReports(reports, s.Mappings(), f.asJSON, out))
}

func printReports(reports []station.Report, known *mappings.Stats, asJSON bool, out io.Writer) error {
	if asJSON {
		all := map[string]any{"channels": reports}
		if known != nil {
			all["mappings"] = known
		}
		return json.NewEncoder(out).Encode(all)
	}
	for _, r := range reports {
		if _, err := fmt.Fprintf(out, "%s: %s after %.1f s: %d payloads with %d bytes, %d headers, %d packets unsent, %d viewers at the end\n",
			r.Channel, r.End, r.DurationS, r.Payloads, r.Bytes, r.Headers, r.Unsent, r.Viewers); err != nil {
			return err
		}
	}
	return nil
}
