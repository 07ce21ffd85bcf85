package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/cmd/corecast/objects"
	"github.com/corecast/corecast/cmd/corecast/trace"
	"github.com/corecast/corecast/controller/config"
)

// traceFlags say which packet is followed through which tables.
type traceFlags struct {
	rest    cli.REST
	config  string
	channel string
	viewer  string
	sw      string
	port    uint16
	held    bool
	quiet   bool
}

func newTraceCommand() *cobra.Command {
	var f traceFlags
	cmd := &cobra.Command{
		Use:   "trace (--channel NAME --viewer EID:PORT | --switch NAME --port N FROM TO)",
		Short: "Follow an imaginary packet through the tables of the switches",
		Long: `Follow an imaginary packet through the tables of the switches, and say what each
table does with it, where it leaves, and why it is dropped if it is.

With --channel: a payload of the channel, and the header that asks for it to be
delivered to a viewer, from the channel's ingress on. With --switch: an ordinary UDP
packet, that enters by a port; FROM and TO are EIDs, with a UDP port if one matters.

The tables are what the controller wants the switches to hold; with --held, what they
hold in fact; with --config, what they would hold for a configuration file, of which no
controller need run. Nothing is sent, and no switch changes.`,
		Example: `  corecast trace --config examples/fig2.yaml --channel news --viewer 10.1.0.10:5004
  corecast trace --held --switch itr --port 1 10.0.0.10 10.2.0.7:53`,
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), cmd.OutOrStdout(), args) },
	}
	f.rest.Add(cmd)
	cmd.Flags().StringVar(&f.config, "config", "", "follow through what this configuration `FILE` asks for; asks no controller")
	cmd.Flags().StringVar(&f.channel, "channel", "", "`NAME` of the channel")
	cmd.Flags().StringVar(&f.viewer, "viewer", "", "`EID:PORT` of the viewer")
	cmd.Flags().StringVar(&f.sw, "switch", "", "`NAME` of the switch that an ordinary packet enters")
	cmd.Flags().Uint16Var(&f.port, "port", 0, "`number` of the port that it enters by")
	cmd.Flags().BoolVar(&f.held, "held", false, "what the switches hold in fact, not what they are to hold")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "leave out what the tables did")
	objects.CompleteChannel(cmd, "channel")
	objects.CompleteSwitch(cmd, "switch")
	return cmd
}

func (f *traceFlags) check(args []string) error {
	switch {
	case f.config != "" && f.held:
		return cli.Usagef("--held asks the switches, and --config asks nobody: give one")
	case f.channel != "" && f.sw != "":
		return cli.Usagef("--channel and --switch are given: a channel's packets enter by its ingress; give one")
	case f.channel != "":
		if len(args) > 0 {
			return cli.Usagef("unexpected argument %q: --channel wants --viewer EID:PORT only", args[0])
		}
		if _, err := netip.ParseAddrPort(f.viewer); err != nil {
			return cli.Usagef("--viewer %q: want EID:PORT, as 10.1.0.10:5004 or [2001:db8::1]:5004", f.viewer)
		}
		return nil
	case f.sw == "":
		return cli.Usagef("say which packet: --channel NAME --viewer EID:PORT, or --switch NAME --port N FROM TO")
	case len(args) != 2:
		return cli.Usagef("want FROM and TO, got %d arguments: corecast trace --switch NAME --port N 10.0.0.10 10.2.0.7", len(args))
	}
	for _, a := range args {
		if _, err := endpoint(a); err != nil {
			return err
		}
	}
	return nil
}

// endpoint reads an EID with or without a UDP port, which is 9 (discard) unless
// it is given.
func endpoint(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a.Unmap(), 9), nil
	}
	p, err := netip.ParseAddrPort(text)
	if err != nil {
		return p, cli.Usagef("%q is no EID: write 10.2.0.7, 10.2.0.7:53 or [2001:db8::1]:53", text)
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), nil
}

func (f *traceFlags) run(ctx context.Context, w io.Writer, args []string) error {
	switches, channel, err := f.load(ctx)
	if err != nil {
		return err
	}
	network, err := trace.New(ctx, switches)
	if err != nil {
		return err
	}
	story, err := f.tell(network, channel, args)
	if f.rest.JSON {
		return errors.Join(err, cli.PrintJSON(w, story))
	}
	return errors.Join(err, printStory(w, story, f.quiet))
}

func (f *traceFlags) tell(n *trace.Network, channel *config.Channel, args []string) ([]trace.Packet, error) {
	if channel != nil {
		viewer, err := netip.ParseAddrPort(f.viewer)
		if err != nil {
			return nil, err
		}
		return n.Channel(channel, viewer)
	}
	from, err := endpoint(args[0])
	if err != nil {
		return nil, err
	}
	to, err := endpoint(args[1])
	if err != nil {
		return nil, err
	}
	return n.Unicast(f.sw, f.port, from, to)
}

// load finds out what the switches hold, and the channel if one is named.
func (f *traceFlags) load(ctx context.Context) ([]trace.Switch, *config.Channel, error) {
	if f.config != "" {
		cfg, err := configfile.Controller(f.config)
		if err != nil {
			return nil, nil, err
		}
		switches, err := trace.Wanted(cfg)
		if err != nil || f.channel == "" {
			return switches, nil, err
		}
		channel, err := channelOf(cfg, f.channel)
		return switches, channel, err
	}
	c, err := f.rest.Client()
	if err != nil {
		return nil, nil, err
	}
	switches, err := trace.Ask(ctx, c, f.held)
	if err != nil || f.channel == "" {
		return switches, nil, err
	}
	channel, err := c.Channel(ctx, f.channel)
	return switches, &channel.Spec, err
}

func channelOf(cfg *config.Config, name string) (*config.Channel, error) {
	var names []string
	for i := range cfg.Channels {
		if cfg.Channels[i].Name == name {
			return &cfg.Channels[i], nil
		}
		names = append(names, cfg.Channels[i].Name)
	}
	return nil, fmt.Errorf("there is no channel %q: %s", name, config.DidYouMean(name, names))
}

func printStory(w io.Writer, story []trace.Packet, quiet bool) error {
	var b strings.Builder
	for i, p := range story {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", p.What)
		for _, h := range p.Hops {
			printHop(&b, &h, quiet)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printHop(b *strings.Builder, h *trace.Hop, quiet bool) {
	fmt.Fprintf(b, "\n  %s, in by port %d (%s): %s\n", h.Switch, h.Port, h.Role, h.Packet)
	if !quiet {
		t := cli.NewTable(b)
		for _, tb := range h.Tables {
			found := "miss"
			if tb.Hit {
				found = strings.TrimSpace("hit " + tb.Prefix)
			}
			_, action, _ := strings.Cut(tb.Entry, " -> ")
			fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", tb.Name, tb.Key, found, action)
		}
		_ = t.Flush() // a Builder takes everything
	}
	for _, r := range h.Dropped {
		fmt.Fprintf(b, "    dropped: %s (%s)\n", r.Name, r.Doc)
	}
	for _, r := range h.Punted {
		fmt.Fprintf(b, "    to the controller: %s (%s)\n", r.Name, r.Doc)
	}
	for _, o := range h.Out {
		to := ""
		if o.Next != "" && o.Next != h.Switch {
			to = ", to " + o.Next
		}
		fmt.Fprintf(b, "    out by port %d (%s%s): %s\n", o.Port, o.Role, to, o.Packet)
	}
	if len(h.Dropped)+len(h.Punted)+len(h.Out) == 0 {
		b.WriteString("    kept: nothing leaves\n")
	}
}
