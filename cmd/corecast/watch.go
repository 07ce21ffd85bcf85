package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/source/watch"
)

// watchFlags are what a viewer can be told.
type watchFlags struct {
	output, player, eid string
	duration            time.Duration
	asJSON              bool
	opts                watch.Options
}

func newWatchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch http://SOURCE:PORT/CHANNEL [http://STANDBY:PORT/CHANNEL]...",
		Short: "Watch a channel: join, renew, and hand the media to a player, file or port",
		Long: `Joins a channel at its source as a viewer, proves that this address wants the media,
keeps the lease and gives it back at the end. The media goes to a file, to standard
output, to another UDP port or to a player. Ends with SIGINT or SIGTERM. A channel
that standbys may take over can be given at each of them.`,
		Example: `  corecast watch http://10.0.0.10:8081/news --player mpv
  corecast watch http://10.0.0.10:8081/news -o news.ts --duration 60s --json
  corecast watch http://10.0.0.10:8081/news -o - | ffplay -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.Usagef("the channel is missing: corecast watch http://SOURCE:PORT/CHANNEL")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.opts.URL, f.opts.Others = args[0], args[1:]
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	t := cmd.Flags()
	t.StringVarP(&f.output, "output", "o", "", "where the media goes: a `FILE`, - for standard output, or udp://host:port")
	t.StringVar(&f.player, "player", "", "give the media to this `COMMAND`, such as mpv, vlc or \"ffplay -\"")
	t.StringVar(&f.opts.Listen, "listen", ":0", "receive on this UDP `ADDRESS:PORT`; port 0 for any")
	t.StringVar(&f.eid, "eid", "", "the `EID` that media is sent to (default: the address that the source sees)")
	t.StringVar(&f.opts.CoreCast, "corecast", "", "say that the domain has a CoreCast ETR (true), or has none (false, for unicast), or auto")
	t.StringVar(&f.opts.Token, "token", "", "the token to show to the source")
	t.BoolVar(&f.opts.AnySource, "any-source", false, "take media from any address: something between translates the source's")
	t.DurationVar(&f.duration, "duration", 0, "stop after this time (default: never)")
	t.BoolVar(&f.asJSON, "json", false, "print a report as one JSON object at the end")
	return cmd
}

func (f *watchFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	output, err := f.open()
	if err != nil {
		if errors.Is(err, watch.ErrOutput) {
			return cli.Usage(err)
		}
		return err
	}
	f.opts.Output = output
	f.opts.OnEvent = func(m string) { fmt.Fprintln(stderr, m) }
	w, err := watch.New(f.opts)
	if err != nil {
		_ = output.Close()
		if errors.Is(err, watch.ErrURL) {
			return cli.Usage(err)
		}
		return err
	}
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	began := time.Now()
	stop := every(watchPeriod, func() {
		s := w.Stats()
		fmt.Fprintf(stderr, "%d packets, %.2f Mbit/s, %d lost, jitter %.2f ms\n",
			s.Packets, float64(s.Bitrate)/1e6, s.Lost, float64(s.Jitter.Microseconds())/1000)
	})
	err = w.Run(ctx)
	stop()
	err = errors.Join(err, output.Close())
	return errors.Join(err, f.report(w.Stats(), time.Since(began), stdout, stderr))
}

func (f *watchFlags) check() error {
	switch {
	case f.output == "" && f.player == "":
		return cli.Usagef("say where the media goes: -o FILE, -o - or --player mpv")
	case f.output != "" && f.player != "":
		return cli.Usagef("-o %s and --player %s: keep one", f.output, f.player)
	case f.output == "-" && f.asJSON:
		return cli.Usagef("-o - and --json both want standard output: write the media elsewhere")
	case f.eid != "":
		eid, err := netip.ParseAddr(f.eid)
		if err != nil {
			return cli.Usagef("--eid %q: want an IP address", f.eid)
		}
		f.opts.EID = eid
	}
	return nil
}

func (f *watchFlags) open() (io.WriteCloser, error) {
	if f.player != "" {
		return watch.StartPlayer(f.player)
	}
	return watch.OpenOutput(f.output)
}

// watchPeriod is how often a viewer says how the media comes.
const watchPeriod = 2 * time.Second

// watchReport is the outcome; its JSON is part of the command's contract.
type watchReport struct {
	DurationS   float64 `json:"duration_s"`
	Packets     uint64  `json:"packets"`
	MediaBytes  uint64  `json:"media_bytes"`
	TSPackets   uint64  `json:"ts_packets"`
	Lost        uint64  `json:"lost"` // continuity errors of the transport stream
	BitrateBPS  int     `json:"bitrate_bps"`
	JitterMS    float64 `json:"jitter_ms"`
	FirstMS     int64   `json:"first_media_ms"` // after the start; -1 for never
	Strangers   uint64  `json:"strangers"`
	Renewals    uint64  `json:"renewals"`
	Destination string  `json:"output"`
}

func (f *watchFlags) report(s watch.Stats, took time.Duration, stdout, stderr io.Writer) error {
	r := watchReport{
		DurationS: took.Seconds(), Packets: s.Packets, MediaBytes: s.Bytes, TSPackets: s.TSPackets, Lost: s.Lost,
		JitterMS: float64(s.Jitter.Microseconds()) / 1000, Strangers: s.Strangers, Renewals: s.Renewals,
		Destination: f.output + f.player, FirstMS: -1,
	}
	if s.Packets > 0 {
		r.FirstMS = (took - time.Since(s.First)).Milliseconds()
		r.BitrateBPS = int(float64(s.Bytes) * 8 / max(time.Since(s.First).Seconds(), 0.001))
	}
	if f.asJSON {
		return json.NewEncoder(stdout).Encode(r)
	}
	_, err := fmt.Fprintf(stderr, "%.1f s: %d packets with %d bytes, %d continuity errors, jitter %.2f ms, %d renewals\n",
		r.DurationS, r.Packets, r.MediaBytes, r.Lost, r.JitterMS, r.Renewals)
	return err
}
