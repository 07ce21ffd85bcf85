package source_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/input"
)

// fakeClock passes time only when somebody sleeps.
type fakeClock struct {
	passed time.Duration
	slept  int
}

func (c *fakeClock) Now() time.Time { return time.Unix(1_000_000, 0).Add(c.passed) }

func (c *fakeClock) Sleep(_ context.Context, d time.Duration) {
	c.passed += d
	c.slept++
}

func clipBytes(t *testing.T) []byte {
	t.Helper()
	media, err := io.ReadAll(clip.Open())
	if err != nil {
		t.Fatal(err)
	}
	return media
}

// paced runs media against a fake clock and returns when each payload went.
func paced(t *testing.T, cfg source.Config, in input.Input) ([]time.Duration, *receiver, source.Report) {
	t.Helper()
	clock := new(fakeClock)
	cfg.Clock = clock
	start := clock.Now()
	var times []time.Duration
	hook := cfg.OnPayload
	cfg.OnPayload = func(s source.Sent) {
		times = append(times, s.At.Sub(start))
		if hook != nil {
			hook(s)
		}
	}
	out := new(receiver)
	ctx := t.Context()
	report, err := source.Run(ctx, cfg, in, out)
	if err != nil {
		t.Fatal(err)
	}
	return times, out, report
}

func near(got, want, tolerance time.Duration) bool {
	return got > want-tolerance && got < want+tolerance
}

// The clip, 480 kbit/s of constant rate, flows at 480 kbit/s all along.
func TestPacedByClock(t *testing.T) {
	media := clipBytes(t)
	cfg := config(t, channel4, figure2(false))
	cfg.Pace, cfg.Opaque = source.PaceAuto, false
	times, out, report := paced(t, cfg, memory(media))
	if !bytes.Equal(out.media.Bytes(), media) || report.Warnings != 0 {
		t.Fatalf("%d of %d bytes, %+v", out.media.Len(), len(media), report)
	}
	if len(times) == 0 {
		t.Fatal("nothing was sent")
	}
	for i, at := range times {
		want := time.Duration(i*1316*8) * time.Second / 480_000
		if !near(at, want, 60*time.Millisecond) {
			t.Fatalf("payload %d went at %v, want %v", i, at, want)
		}
	}
}

// Played again and again, the clip flows on at its rate over the loop points.
func TestPacedOverLoops(t *testing.T) {
	const rounds = 4
	media := clipBytes(t)
	cfg := config(t, channel4, nil)
	cfg.Pace, cfg.Opaque = source.PaceAuto, false
	// 7 bytes short: the packets of each round begin somewhere else.
	for _, short := range []int{0, 7} {
		loop := input.FromReadSeeker("clip", bytes.NewReader(media[:len(media)-short]), input.Options{Loop: true})
		limited := struct {
			io.Reader
			input.Input
		}{io.LimitReader(loop, int64(rounds*(len(media)-short))), loop}
		times, out, _ := paced(t, cfg, reading{limited.Reader, limited.Input})
		if want := bytes.Repeat(media[:len(media)-short], rounds); !bytes.Equal(out.media.Bytes(), want) {
			t.Fatalf("%d short: the media changed on the way", short)
		}
		for i := 1; i < len(times); i++ {
			want := time.Duration(i*1316*8) * time.Second / 480_000
			if step := times[i] - times[i-1]; step < 0 || step > 100*time.Millisecond || !near(times[i], want, 200*time.Millisecond) {
				t.Fatalf("%d short: payload %d went at %v, %v after the one before; want %v", short, i, times[i], step, want)
			}
		}
	}
}

// reading is an Input whose bytes come from elsewhere.
type reading struct {
	from io.Reader
	input.Input
}

func (r reading) Read(b []byte) (int, error) { return r.from.Read(b) }

// Media without a clock is paced by the bitrate, and says so unless it is told.
func TestPacedByBitrate(t *testing.T) {
	media := make([]byte, 100*1316)
	for name, c := range map[string]struct {
		media  []byte
		opaque bool
	}{
		"opaque":         {media, true},
		"TS without PCR": {bytes.Repeat(append([]byte{0x47, 0, 0, 0x10}, make([]byte, 184)...), 700), false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, channel4, nil)
			cfg.Pace, cfg.Opaque, cfg.Bitrate = source.PaceClock, c.opaque, 1316*8*50
			var warned []string
			cfg.OnWarning = func(m string) { warned = append(warned, m) }
			times, _, report := paced(t, cfg, memory(c.media))
			if len(times) != 100 || !near(times[99], 1980*time.Millisecond, time.Millisecond) {
				t.Errorf("%d payloads, the last at %v", len(times), times[len(times)-1])
			}
			if report.Warnings != 1 || len(warned) != 1 || !strings.Contains(warned[0], "526400 bit/s") {
				t.Errorf("warnings: %q", warned)
			}
		})
	}
}

// The first clock reference may come late: the stream starts at the bitrate
// once nothing was found within the lookahead, without stalling or bursting.
func TestLateClock(t *testing.T) {
	null := append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...)
	media := append(bytes.Repeat(null, 30_000), clipBytes(t)...) // 5.6 MB, then a clock
	cfg := config(t, channel4, nil)
	cfg.Pace, cfg.Opaque, cfg.Bitrate = source.PaceClock, false, 480_000
	times, out, report := paced(t, cfg, memory(media))
	// Neither a clock nor a PAT for a long time.
	if !bytes.Equal(out.media.Bytes(), media) || report.Warnings != 2 {
		t.Fatalf("%d of %d bytes, %+v", out.media.Len(), len(media), report)
	}
	for i := 1; i < len(times); i++ {
		if step := times[i] - times[i-1]; step < 0 || step > time.Second {
			t.Fatalf("payload %d went %v after the one before", i, step)
		}
	}
}

// A source that was held up for long goes on later, and does not catch up in a
// burst.
func TestHeldUp(t *testing.T) {
	clock := new(fakeClock)
	cfg := config(t, channel4, nil)
	cfg.Pace, cfg.Opaque, cfg.Clock = source.PaceClock, false, clock
	const held = 3 * time.Second
	var last, total time.Duration
	var bursts int
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence == 50 {
			clock.passed += held
		} else if s.ID.Sequence > 60 && clock.passed == last {
			bursts++
		}
		last, total = clock.passed, clock.passed
	}
	report, err := source.Run(t.Context(), cfg, memory(clipBytes(t)), new(receiver))
	if err != nil || report.Shifts != 1 || bursts > 5 {
		t.Errorf("%+v, %v, %d payloads at once", report, err, bursts)
	}
	if !near(total, 6*time.Second+held, 200*time.Millisecond) {
		t.Errorf("the clip took %v", total)
	}
}

// Live media goes as it arrives, whatever its clock says.
func TestLive(t *testing.T) {
	cfg := config(t, channel4, nil)
	cfg.Pace, cfg.Opaque = source.PaceAuto, false
	clock := new(fakeClock)
	cfg.Clock = clock
	media := clipBytes(t)
	out := new(receiver)
	report, err := source.Run(t.Context(), cfg, failing{bytes.NewReader(media), io.EOF, true}, out)
	if err != nil || clock.slept != 0 || !bytes.Equal(out.media.Bytes(), media) || report.End != source.EndOfMedia {
		t.Errorf("%+v, %v, slept %d times", report, err, clock.slept)
	}
}
