package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/ts"
)

func TestRefusedConfig(t *testing.T) {
	good := config(t, channel4, figure2(false))
	for name, edit := range map[string]func(c *source.Config){
		"payload size 1473": func(c *source.Config) { c.Channel.PayloadSize = 1473 },
		"payload size -1":   func(c *source.Config) { c.Channel.PayloadSize = -1 },
		"list of 33":        func(c *source.Config) { c.Channel.List = 33 },
		"UDP source port 0": func(c *source.Config) { c.Channel.UDPPort = 0 },
		"one family":        func(c *source.Config) { c.Channel.ReservedEID = channel6.ReservedEID },
		"no viewer list":    func(c *source.Config) { c.Viewers = nil },
		"a viewer list of the other family": func(c *source.Config) {
			c.Viewers = config(t, channel6, nil).Viewers
		},
		"burst -1":   func(c *source.Config) { c.Burst = -1 },
		"MTU 263":    func(c *source.Config) { c.Channel.MTU = 263 },
		"bitrate -5": func(c *source.Config) { c.Bitrate = -5 },
	} {
		cfg := good
		edit(&cfg)
		_, err := source.Run(t.Context(), cfg, memory([]byte("media")), new(receiver))
		if !errors.Is(err, source.ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, v := range map[string]dstlist.Viewer{
		"IPv6 viewer": figure2(true)[0],
		"no address":  {Port: 1},
		"no port":     {EID: channel4.SourceEID},
	} {
		if _, err := source.NewViewerList(channel4, v); !errors.Is(err, dstlist.ErrViewer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing is an input that breaks after some media.
type failing struct {
	io.Reader
	err  error
	live bool
}

func (f failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}
func (f failing) Name() string { return "broken" }
func (f failing) Live() bool   { return f.live }
func (f failing) Close() error { return nil }

// What came before an input broke is sent, also the last, shorter chunk.
func TestInputEnds(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, c := range []struct {
		name string
		in   input.Input
		end  source.End
		want error
		sent int
	}{
		{"empty", memory(nil), source.EndFailed, source.ErrEmpty, 0},
		{"unreadable", failing{strings.NewReader(""), broken, false}, source.EndFailed, broken, 0},
		{"breaks", failing{strings.NewReader("media"), broken, false}, source.EndFailed, broken, 5},
		{"never speaks", failing{strings.NewReader(""), input.ErrSilent, true}, source.EndSilent, input.ErrSilent, 0},
		{"goes silent", failing{strings.NewReader("media"), input.ErrSilent, true}, source.EndSilent, input.ErrSilent, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := new(receiver)
			report, err := source.Run(t.Context(), config(t, channel4, nil), c.in, out)
			if !errors.Is(err, c.want) || report.End != c.end || out.media.Len() != c.sent {
				t.Errorf("%+v, %v, %d bytes sent", report, err, out.media.Len())
			}
		})
	}
}

// A sender that fails ends the channel.
func TestSenderFails(t *testing.T) {
	out := &receiver{fail: net.ErrClosed}
	report, err := source.Run(t.Context(), config(t, channel4, figure2(false)), memory([]byte("media")), out)
	if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "news") || report.End != source.EndFailed || report.Unsent != 8 {
		t.Errorf("%+v, %v", report, err)
	}
}

// The context ends a channel between rounds, and an input that waits for ever.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := config(t, channel4, figure2(false))
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence == 10 {
			cancel()
		}
	}
	endless := input.FromReadSeeker("endless", strings.NewReader("media"), input.Options{Loop: true})
	out := new(receiver)
	report, err := source.Run(ctx, cfg, endless, out)
	if err != nil || report.End != source.EndStopped || report.Payloads != 11 || len(out.rounds[10]) != 7 {
		t.Errorf("%+v, %v", report, err)
	}

	in, err := input.Open("udp://127.0.0.1:"+freePort(t), input.Options{Silence: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if report, err := source.Run(ctx, cfg, in, out); err != nil || report.End != source.EndStopped {
		t.Errorf("%+v, %v", report, err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	return port
}

// Only MPEG-TS is sent unless opaque media was asked for.
func TestNotTS(t *testing.T) {
	cfg := config(t, channel4, figure2(false))
	cfg.Opaque = false
	out := new(receiver)
	_, err := source.Run(t.Context(), cfg, memory([]byte("#EXTM3U\n")), out)
	if !errors.Is(err, ts.ErrNotTS) || len(out.ids) != 0 {
		t.Fatal(err)
	}
	for _, says := range []string{"memory", "byte 0 is 0x23", "--opaque"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	// A clip cut anywhere is still a clip.
	media, _ := io.ReadAll(clip.Open())
	cut := media[100 : len(media)-50]
	out = new(receiver)
	report, err := source.Run(t.Context(), cfg, memory(cut), out)
	if err != nil || report.Warnings != 1 || !bytes.Equal(out.media.Bytes(), cut) {
		t.Errorf("%+v, %v", report, err)
	}
}
