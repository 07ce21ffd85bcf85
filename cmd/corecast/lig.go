package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

const defaultResolver = "127.0.0.1:4342"

// ligFlags are what to ask, and whom.
type ligFlags struct {
	resolver   string
	instanceID uint32
	attempts   int
	timeout    time.Duration
	capability bool
	json       bool
}

func newLigCommand() *cobra.Command {
	f := ligFlags{resolver: defaultResolver, attempts: 3, timeout: time.Second}
	cmd := &cobra.Command{
		Use:   "lig EID",
		Short: "Ask a Map-Resolver where an EID is (LISP Internet Groper)",
		Long: `Sends a Map-Request for an EID or EID-prefix to a Map-Resolver and prints what the
Map-Reply says. A negative answer is an answer: exit status 0. Without any answer the
exit status is 1.`,
		Example: `  corecast lig 10.1.0.7
  corecast lig 2001:db8:1::7 --resolver [2001:db8::1]:4342 --instance-id 7 --json`,
		Args: cli.OneArgument("one EID", "corecast lig 10.1.0.7", cli.CheckEID),
		RunE: func(cmd *cobra.Command, args []string) error {
			eid, err := f.eid(args[0])
			if err != nil {
				return err
			}
			config, err := f.config(cmd.Context())
			if err != nil {
				return err
			}
			return lig(cmd.Context(), cmd.OutOrStdout(), config, eid, f.json)
		},
	}
	cmd.Flags().StringVar(&f.resolver, "resolver", f.resolver, "the Map-Resolver's `ADDRESS[:PORT]`")
	cmd.Flags().Uint32Var(&f.instanceID, "instance-id", 0, "the instance-id `N` of the EID")
	cmd.Flags().IntVar(&f.attempts, "attempts", f.attempts, "how often to ask")
	cmd.Flags().DurationVar(&f.timeout, "timeout", f.timeout, "how long to wait for the first attempt; each that follows waits twice as long")
	cmd.Flags().BoolVar(&f.capability, "corecast", false, "ask whether the EID's site has CoreCast switches")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

const maxInstanceID = 1<<24 - 1

func (f *ligFlags) eid(text string) (lisp.EID, error) {
	if f.instanceID > maxInstanceID {
		return lisp.EID{}, cli.Usagef("--instance-id %d: want 0 to %d", f.instanceID, maxInstanceID)
	}
	eid, err := lisp.ParseEID(text)
	if err != nil {
		return lisp.EID{}, cli.Usage(err)
	}
	eid.InstanceID = f.instanceID
	return eid, nil
}

func (f *ligFlags) config(ctx context.Context) (client.ResolverConfig, error) {
	if f.attempts < 1 || f.timeout <= 0 {
		return client.ResolverConfig{}, cli.Usagef("--attempts %d, --timeout %v: want at least 1 and more than 0", f.attempts, f.timeout)
	}
	server, err := resolverAddress(ctx, f.resolver)
	if err != nil {
		return client.ResolverConfig{}, err
	}
	config := client.ResolverConfig{Servers: []netip.AddrPort{server}, Retry: client.Retry{Attempts: f.attempts, Timeout: f.timeout}}
	if f.capability {
		var id [16]byte
		rand.Read(id[:]) // it never fails
		xtr := lisp.CoreCastXTR(id)
		config.XTR = &xtr
	}
	return config, nil
}

// resolverAddress reads the address or name of a Map-Resolver, with or without
// a port.
func resolverAddress(ctx context.Context, text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, strconv.Itoa(lisp.ControlPort)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return netip.AddrPort{}, cli.Usagef("--resolver %q: want an address, as 192.0.2.1 or [2001:db8::1]:4342", text)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return netip.AddrPort{}, fmt.Errorf("--resolver %q: no such host: give its address, as 192.0.2.1", text)
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), uint16(n)), nil
}

// ligAnswer is what --json prints.
type ligAnswer struct {
	EID        netip.Prefix `json:"eid"`
	InstanceID uint32       `json:"instance_id"`
	Resolver   string       `json:"resolver"`
	From       string       `json:"from"`
	RTT        float64      `json:"rtt_ms"`
	Attempts   int          `json:"attempts"`
	Records    []ligRecord  `json:"records"`
}

type ligRecord struct {
	EIDPrefix     string       `json:"eid_prefix"`
	TTL           *int64       `json:"ttl_seconds"` // null: for ever
	Action        string       `json:"action,omitempty"`
	Authoritative bool         `json:"authoritative"`
	CoreCast      bool         `json:"corecast"`
	Locators      []ligLocator `json:"locators"`
}

type ligLocator struct {
	Address   string `json:"address"`
	Priority  uint8  `json:"priority"`
	Weight    uint8  `json:"weight"`
	Reachable bool   `json:"reachable"`
}

func lig(ctx context.Context, w io.Writer, config client.ResolverConfig, eid lisp.EID, asJSON bool) error {
	answer, ignored, err := client.Lig(ctx, config, eid)
	if errors.Is(err, client.ErrNoAnswer) {
		err = fmt.Errorf("%w (%d other packets came); ask another with --resolver ADDRESS, or start one: corecast controller --config FILE", err, ignored.Total())
	}
	if err != nil {
		return err
	}
	out := ligAnswer{
		EID: eid.Prefix, InstanceID: eid.InstanceID, Resolver: answer.Asked.String(), From: answer.From.String(),
		RTT: float64(answer.RTT.Microseconds()) / 1000, Attempts: answer.Attempts, Records: []ligRecord{},
	}
	for i := range answer.Records {
		out.Records = append(out.Records, ligRecordOf(&answer.Records[i]))
	}
	if asJSON {
		return cli.PrintJSON(w, out)
	}
	return printLig(w, &out)
}

func ligRecordOf(r *lisp.Record) ligRecord {
	out := ligRecord{EIDPrefix: r.Prefix.String(), Authoritative: r.Authoritative, Locators: []ligLocator{}}
	if ttl, ends := r.Lifetime(); ends {
		seconds := int64(ttl / time.Second)
		out.TTL = &seconds
	}
	for i := range r.Locators {
		l := &r.Locators[i]
		if _, ok := l.Capability(); ok {
			out.CoreCast = true
			continue
		}
		out.Locators = append(out.Locators, ligLocator{l.Address.String(), l.Priority, l.Weight, l.Reachable})
	}
	if len(out.Locators) == 0 {
		out.Action = r.Action.String()
	}
	return out
}

func printLig(w io.Writer, a *ligAnswer) error {
	fmt.Fprintf(w, "%s, instance-id %d: asked %s, answer from %s in %.1f ms (%s)\n", a.EID, a.InstanceID, a.Resolver, a.From, a.RTT, cli.Plural(a.Attempts, "attempt"))
	for _, r := range a.Records {
		ttl := "for ever"
		if r.TTL != nil {
			ttl = (time.Duration(*r.TTL) * time.Second).String()
		}
		kind := "proxy"
		if r.Authoritative {
			kind = "authoritative"
		}
		fmt.Fprintf(w, "%s  ttl %s, %s%s\n", r.EIDPrefix, ttl, kind, capabilityNote(r.CoreCast))
		if len(r.Locators) == 0 {
			fmt.Fprintf(w, "  no locators: %s\n", r.Action)
		}
		t := cli.NewTable(w)
		for _, l := range r.Locators {
			fmt.Fprintf(t, "  %s\tpriority %d\tweight %d\t%s\n", l.Address, l.Priority, l.Weight, upOrDown(l.Reachable))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func capabilityNote(corecast bool) string {
	if corecast {
		return ", CoreCast"
	}
	return ""
}

func upOrDown(reachable bool) string {
	if reachable {
		return "up"
	}
	return "down"
}
