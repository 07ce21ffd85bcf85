package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/wire"
)

// Target is what plays the four (or more) switches.
type Target string

const (
	TargetSoftswitch Target = "softswitch" // in this process, in memory
	TargetBMv2       Target = "bmv2"       // real simple_switch_grpc, in network namespaces; needs root
)

// burst is the most header packets that the switches take at once; 0 for any
// number. A port of bmv2 queues 64 packets.
func (t Target) burst() int {
	if t == TargetBMv2 {
		return 16
	}
	return 0
}

// Options says what the demo does. The zero value of a field is not a default:
// start from Defaults.
type Options struct {
	Duration    time.Duration // 0 = until the input ends; the built-in clip never ends
	Input       string        // file, udp://…, "-" for standard input, "" for the built-in clip
	Opaque      bool          // the media need not be MPEG-TS
	Bitrate     int           // bit/s of media that has no clock; 0 = source.DefaultBitrate
	Clients     int           // viewers in all
	Domains     int           // viewer domains, each with an ETR
	Payload     int           // media bytes a payload packet carries, 1–wire.MaxPayload
	List        int           // viewers a header packet names
	Redundancy  int           // headers to one RLOC after which its payload copy is repeated; 0 = never
	Loss        float64       // share of transit packets lost, 0–1
	Seed        uint64        // of the loss
	Record      string        // directory for what each viewer received; "" = none
	Target      Target
	SilentAfter time.Duration // a live input that says nothing for so long has ended
	Loop        bool          // a file is played again and again

	// Control makes what programs the switches; nil: a controller alone.
	Control func(context.Context, *config.Config) (Controller, error)
}

// Limits of the addressing plan of the Fig. 2 network.
const (
	MaxDomains = 200
	MaxClients = 10000
)

// Defaults is Fig. 2 of the paper.
func Defaults() Options {
	return Options{
		Clients: 7, Domains: 3, Payload: 7 * 188, List: 1, Target: TargetSoftswitch,
		SilentAfter: 5 * time.Second,
	}
}

// An OptionError is an option that cannot be: which, what it is, and what
// would be right.
type OptionError struct {
	Flag  string
	Value any
	Want  string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("--%s %v: want %s", e.Flag, e.Value, e.Want)
}

// Check returns an *OptionError for the first option that cannot be.
func (o *Options) Check() error {
	checks := []struct {
		ok    bool
		flag  string
		value any
		want  string
	}{
		{o.Payload >= 1 && o.Payload <= wire.MaxPayload, "payload", o.Payload,
			fmt.Sprintf("1 to %d bytes of media a packet (1316 = 7 MPEG-TS packets is usual)", wire.MaxPayload)},
		{o.Domains >= 1 && o.Domains <= MaxDomains, "domains", o.Domains, fmt.Sprintf("1 to %d", MaxDomains)},
		{o.Clients >= 1 && o.Clients <= MaxClients, "clients", o.Clients, fmt.Sprintf("1 to %d", MaxClients)},
		{o.List >= 1 && o.List <= wire.MaxEntries, "list", o.List,
			fmt.Sprintf("1 (the paper's header packet) to %d viewers in a header packet", wire.MaxEntries)},
		{o.Redundancy >= 0 && o.Redundancy <= 255, "redundancy", o.Redundancy,
			"0 (never) to 255 headers between two copies of a payload"},
		{o.Loss >= 0 && o.Loss < 1, "loss", o.Loss, "a share of packets from 0 to below 1, as 0.05"},
		{o.Bitrate >= 0, "bitrate", o.Bitrate, "bits per second, as 4000000"},
		{o.Duration >= 0, "duration", o.Duration, "a time above 0, as 10s"},
		{o.Target == TargetSoftswitch || o.Target == TargetBMv2, "target", o.Target,
			fmt.Sprintf("%s or %s", TargetSoftswitch, TargetBMv2)},
	}
	for _, c := range checks {
		if !c.ok {
			return &OptionError{c.flag, c.value, c.want}
		}
	}
	return nil
}
