package source_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
	"pgregory.net/rapid"
)

// Whatever the sizes: the media arrives whole, in chunks of the payload size
// of which only the last is shorter, and every viewer is served with each.
func TestRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channel, viewers := channel4, figure2(false)
		if rapid.Bool().Draw(t, "v6") {
			channel, viewers = channel6, figure2(true)
		}
		channel.PayloadSize = rapid.SampledFrom([]int{0, 1, 187, 188, 1000, 1316, 1472}).Draw(t, "payload size")
		channel.List = rapid.IntRange(0, wire.MaxEntries).Draw(t, "list")
		size := channel.PayloadSize
		if size == 0 {
			size = 1316
		}
		media := make([]byte, rapid.IntRange(1, 20*size).Draw(t, "media"))
		rand.NewChaCha8([32]byte{1}).Read(media)
		first := rapid.SampledFrom([]uint32{0, 1, 1<<32 - 3}).Draw(t, "first sequence")

		cfg := config(t, channel, viewers)
		cfg.FirstSequence = first
		out := &receiver{headroom: rapid.IntRange(0, 62).Draw(t, "headroom")}
		report, err := source.Run(t.Context(), cfg, memory(media), out)
		if err != nil || report.End != source.EndOfMedia {
			t.Fatalf("%+v, %v", report, err)
		}
		if !bytes.Equal(out.media.Bytes(), media) {
			t.Fatal("the media changed on the way")
		}
		checkRounds(t, out, channel, viewers, size, first)
		checkReport(t, report, out, len(media), len(viewers))
	})
}

func checkRounds(t *rapid.T, out *receiver, channel source.Channel, viewers []dstlist.Viewer, size int, first uint32) {
	var want []netip.AddrPort
	for _, v := range viewers {
		want = append(want, netip.AddrPortFrom(v.EID, v.Port))
	}
	// 2, 3 and 2 viewers per site.
	packets := 0
	for _, n := range []int{2, 3, 2} {
		packets += (n + max(channel.List, 1) - 1) / max(channel.List, 1)
	}
	for i, id := range out.ids {
		if id.Sequence != first+uint32(i) {
			t.Fatalf("payload %d has sequence %d", i, id.Sequence)
		}
		if n := out.lengths[i]; n != size && i < len(out.ids)-1 {
			t.Fatalf("payload %d of %d has %d bytes", i, len(out.ids), n)
		}
		if !slices.Equal(out.rounds[i], want) || out.packets[i] != packets {
			t.Fatalf("payload %d went in %d headers to %v", i, out.packets[i], out.rounds[i])
		}
	}
}

func checkReport(t *rapid.T, report source.Report, out *receiver, media, viewers int) {
	headers := 0
	for _, n := range out.packets {
		headers += n
	}
	want := source.Counts{
		Payloads:   uint64(len(out.ids)),
		Headers:    uint64(headers),
		Entries:    uint64(len(out.ids) * viewers),
		MediaBytes: uint64(media),
	}
	if report.Counts != want {
		t.Fatalf("report %+v, want %+v", report.Counts, want)
	}
}

// Many viewers go in batches, in order.
func TestManyViewers(t *testing.T) {
	var viewers []dstlist.Viewer
	for i := range 1000 {
		viewers = append(viewers, dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Port: 5004})
	}
	out := new(receiver)
	if _, err := source.Run(t.Context(), config(t, channel4, viewers), memory([]byte("media")), out); err != nil {
		t.Fatal(err)
	}
	if len(out.rounds) != 1 || len(out.rounds[0]) != 1000 {
		t.Fatalf("%d rounds", len(out.rounds))
	}
	if out.largest < 2 || out.batches > 1001/2 {
		t.Errorf("%d batches, the largest of %d packets", out.batches, out.largest)
	}
}

// Viewers that join while the channel runs are served from the next round on.
func TestViewersChange(t *testing.T) {
	all := figure2(false)
	cfg := config(t, channel4, all[:1])
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence != 2 {
			return
		}
		for _, v := range all[1:] {
			if _, err := cfg.Viewers.Join(v, time.Time{}); err != nil {
				t.Error(err)
			}
		}
	}
	out := new(receiver)
	if _, err := source.Run(t.Context(), cfg, memory(make([]byte, 4*1316)), out); err != nil {
		t.Fatal(err)
	}
	if len(out.rounds) != 4 || len(out.rounds[1]) != 1 || len(out.rounds[2]) != 7 {
		t.Errorf("rounds: %v", out.rounds)
	}
}

// The hook sees every payload before it is sent.
func TestOnPayload(t *testing.T) {
	media := bytes.Repeat([]byte("media"), 1000)
	cfg := config(t, channel4, figure2(false))
	out := new(receiver)
	var seen []wire.ID
	var copied bytes.Buffer
	cfg.OnPayload = func(s source.Sent) {
		if len(seen) != len(out.ids) || s.At.IsZero() {
			t.Errorf("payload %d was sent before it was announced", s.ID.Sequence)
		}
		seen = append(seen, s.ID)
		copied.Write(s.Media)
	}
	if _, err := source.Run(t.Context(), cfg, memory(media), out); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, out.ids) || !bytes.Equal(copied.Bytes(), media) {
		t.Error("the hook saw something else than was sent")
	}
}
