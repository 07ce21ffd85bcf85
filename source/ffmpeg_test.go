package source_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/input"
)

// Debian's ffmpeg streams over each protocol into a channel, which sends what
// can be decoded without an error, frame by frame.
func TestFFmpeg(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on PATH: the real encoder is not tested (apt-get install ffmpeg)")
	}
	ports := freePorts(t, 4)
	// Both ends drop what is still in SRT's delay when the encoder hangs up,
	// and ffmpeg's RTP muxer cuts the last frame short by itself.
	for name, c := range map[string]struct {
		input, output string
		atEnd         int // frames that may be missing
	}{
		"UDP":          {"udp://127.0.0.1:PORT", "udp://127.0.0.1:PORT?pkt_size=1316", 0},
		"RTP":          {"rtp://127.0.0.1:PORT", "rtp://127.0.0.1:PORT", 1},
		"SRT listener": {"srt://127.0.0.1:PORT?mode=listener&passphrase=0123456789&streamid=news", "srt://127.0.0.1:PORT?mode=caller&passphrase=0123456789&streamid=news", 8},
		"SRT caller":   {"srt://127.0.0.1:PORT?mode=caller&passphrase=0123456789", "srt://127.0.0.1:PORT?mode=listener&passphrase=0123456789", 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := <-ports
			const seconds, frames = "3", 75
			format := "mpegts"
			if name == "RTP" {
				format = "rtp_mpegts"
			}
			in, err := input.Open(strings.ReplaceAll(c.input, "PORT", port), input.Options{Silence: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			encoder := exec.CommandContext(ctx, ffmpeg, "-loglevel", "error", "-re",
				"-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-t", seconds, "-c:v", "mpeg2video", "-b:v", "800k",
				"-f", format, strings.ReplaceAll(c.output, "PORT", port))
			var said bytes.Buffer
			encoder.Stderr = &said
			if err := encoder.Start(); err != nil {
				t.Fatal(err)
			}
			cfg := config(t, channel4, figure2(false))
			cfg.Opaque, cfg.Pace = false, source.PaceAuto
			cfg.Progress = new(source.Progress)
			out := new(receiver)
			report, err := source.Run(ctx, cfg, in, out)
			t.Log(report, err)
			if err := encoder.Wait(); err != nil {
				t.Logf("ffmpeg: %v: %s", err, said.String()) // the other end of SRT may go first
			}
			if health := cfg.Progress.Health(); health.Lost != 0 || health.PATs == 0 || health.PMTs == 0 || health.Bitrate == 0 {
				t.Errorf("%+v", health)
			}
			checkDecodes(t, ffmpeg, out.media.Bytes(), frames, c.atEnd)
		})
	}
}

// freePorts returns UDP ports that were free a moment ago, all at once.
func freePorts(t *testing.T, n int) chan string {
	t.Helper()
	ports := make(chan string, n)
	for range n {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, port, _ := net.SplitHostPort(c.LocalAddr().String())
		ports <- port
	}
	return ports
}

// checkDecodes has ffmpeg decode media: no error, and as many frames as there
// should be, but for some at the end.
func checkDecodes(t *testing.T, ffmpeg string, media []byte, frames, atEnd int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "received.ts")
	if err := os.WriteFile(file, media, 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(ffmpeg, "-v", "error", "-i", file, "-map", "0:v", "-f", "framecrc", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	got := 0
	for line := range strings.Lines(string(output)) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "0,"):
			got++
		case atEnd == 0:
			t.Errorf("the decoder says %s", line)
		}
	}
	if got > frames || got < frames-atEnd {
		t.Errorf("%d frames decoded, want %d, or %d less", got, frames, atEnd)
	}
}
