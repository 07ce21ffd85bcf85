package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/ts"
	"github.com/corecast/corecast/wire"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var channel4 = source.Channel{
	Name:        "news",
	SourceEID:   netip.MustParseAddr("10.0.0.10"),
	ReservedEID: netip.MustParseAddr("10.255.0.1"),
	UDPPort:     7000,
}

var channel6 = source.Channel{
	Name:        "news6",
	SourceEID:   netip.MustParseAddr("2001:db8::10"),
	ReservedEID: netip.MustParseAddr("2001:db8:ff::1"),
	UDPPort:     7000,
}

// figure2 is the seven viewers of the paper's Fig. 2.
func figure2(v6 bool) []source.Viewer {
	var list []source.Viewer
	for domain, n := range []int{2, 3, 2} {
		for i := range n {
			eid := netip.AddrFrom4([4]byte{10, byte(domain + 1), 0, byte(i + 11)})
			if v6 {
				eid = netip.MustParseAddr(fmt.Sprintf("2001:db8:%d::%d", domain+1, i+11))
			}
			list = append(list, source.Viewer{EID: eid, Port: 5004, Site: fmt.Sprint("site", domain+1)})
		}
	}
	return list
}

// receiver is a Sender that reads what it is sent, as strictly as an ITR.
type receiver struct {
	headroom int
	batches  int
	largest  int
	media    bytes.Buffer
	lengths  []int
	rounds   [][]netip.AddrPort // the viewers served with each payload
	packets  []int              // header packets of each payload
	ids      []wire.ID
	fail     error
}

func (r *receiver) Headroom() int { return r.headroom }

func (r *receiver) Send(packets [][]byte) (int, error) {
	r.batches++
	r.largest = max(r.largest, len(packets))
	for i, p := range packets {
		if r.fail != nil {
			return i, r.fail
		}
		clear(p[:r.headroom]) // its own
		if err := r.receive(p[r.headroom:]); err != nil {
			return i, err
		}
	}
	return len(packets), nil
}

func (r *receiver) receive(packet []byte) error {
	var h wire.Header
	if err := h.Decode(packet); err != nil {
		return err
	}
	if h.Type == wire.TypePayload {
		var p wire.Payload
		if err := p.Decode(packet); err != nil {
			return err
		}
		r.media.Write(p.Media)
		r.lengths = append(r.lengths, len(p.Media))
		r.ids = append(r.ids, p.ID)
		r.rounds = append(r.rounds, nil)
		r.packets = append(r.packets, 0)
		return nil
	}
	if len(r.ids) == 0 || h.ID != r.ids[len(r.ids)-1] {
		return fmt.Errorf("header for %+v, which was not the last payload", h.ID)
	}
	last := len(r.rounds) - 1
	r.packets[last]++
	var h4 wire.Header4
	var h6 wire.Header6
	if h4.Decode(packet) == nil {
		r.rounds[last] = slices.AppendSeq(r.rounds[last], h4.Viewers())
		return nil
	}
	err := h6.Decode(packet)
	r.rounds[last] = slices.AppendSeq(r.rounds[last], h6.Viewers())
	return err
}

// config is a channel that runs as fast as it can.
func config(t interface{ Fatal(...any) }, channel source.Channel, viewers []source.Viewer) source.Config {
	list, err := source.NewViewerList(channel, viewers...)
	if err != nil {
		t.Fatal(err)
	}
	return source.Config{Channel: channel, Viewers: list, Pace: source.PaceNone, Opaque: true}
}

func memory(media []byte) input.Input {
	return input.FromReadSeeker("memory", bytes.NewReader(media), input.Options{})
}

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
			size = source.DefaultPayloadSize
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

func checkRounds(t *rapid.T, out *receiver, channel source.Channel, viewers []source.Viewer, size int, first uint32) {
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
	var viewers []source.Viewer
	for i := range 1000 {
		viewers = append(viewers, source.Viewer{EID: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Port: 5004})
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

// A list set while the channel runs is served from the next round on.
func TestViewersChange(t *testing.T) {
	all := figure2(false)
	cfg := config(t, channel4, all[:1])
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence != 2 {
			return
		}
		if err := cfg.Viewers.Set(all); err != nil {
			t.Error(err)
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

func TestRefusedConfig(t *testing.T) {
	good := config(t, channel4, figure2(false))
	for name, edit := range map[string]func(c *source.Config){
		"payload size 1473": func(c *source.Config) { c.Channel.PayloadSize = 1473 },
		"payload size -1":   func(c *source.Config) { c.Channel.PayloadSize = -1 },
		"list of 33":        func(c *source.Config) { c.Channel.List = 33 },
		"UDP source port 0": func(c *source.Config) { c.Channel.UDPPort = 0 },
		"one family":        func(c *source.Config) { c.Channel.ReservedEID = channel6.ReservedEID },
		"no viewer list":    func(c *source.Config) { c.Viewers = nil },
		"the viewer list of news6": func(c *source.Config) {
			c.Viewers = config(t, channel6, nil).Viewers
		},
		"bitrate -5": func(c *source.Config) { c.Bitrate = -5 },
	} {
		cfg := good
		edit(&cfg)
		_, err := source.Run(t.Context(), cfg, memory([]byte("media")), new(receiver))
		if !errors.Is(err, source.ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, v := range map[string]source.Viewer{
		"IPv6 viewer": figure2(true)[0],
		"no address":  {Port: 1},
		"no port":     {EID: channel4.SourceEID},
	} {
		if _, err := source.NewViewerList(channel4, v); !errors.Is(err, source.ErrConfig) {
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

// With the machinery warm, a round allocates nothing.
func TestNoAllocation(t *testing.T) {
	cfg := config(t, channel4, figure2(false))
	cfg.Pace, cfg.Clock, cfg.Opaque = source.PaceClock, new(fakeClock), false
	loop := input.FromReadSeeker("clip", clip.Open(), input.Options{Loop: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var allocs float64
	gate := make(chan struct{})
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence >= 1000 {
			gate <- struct{}{}
		}
	}
	done := make(chan error)
	go func() {
		_, err := source.Run(ctx, cfg, loop, discard{})
		done <- err
	}()
	allocs = testing.AllocsPerRun(1000, func() { <-gate })
	cancel()
	for running := true; running; {
		select {
		case <-gate:
		case err := <-done:
			running = false
			if err != nil {
				t.Error(err)
			}
		}
	}
	if allocs != 0 {
		t.Errorf("%v allocations per round", allocs)
	}
}

type discard struct{}

func (discard) Headroom() int                      { return 42 }
func (discard) Send(packets [][]byte) (int, error) { return len(packets), nil }

// The rounds of a large channel: 1 payload and 1000 headers each.
func BenchmarkRound1000(b *testing.B) {
	var viewers []source.Viewer
	for i := range 1000 {
		viewers = append(viewers, source.Viewer{EID: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Port: 5004})
	}
	cfg := config(b, channel4, viewers)
	ctx, cancel := context.WithCancel(b.Context())
	cfg.OnPayload = func(s source.Sent) {
		if !b.Loop() {
			cancel()
		}
	}
	frames, err := source.NewFrameSender(sink{}, cfg.Channel, [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2})
	if err != nil {
		b.Fatal(err)
	}
	endless := input.FromReadSeeker("endless", strings.NewReader(strings.Repeat("media", 10000)), input.Options{Loop: true})
	if _, err := source.Run(ctx, cfg, endless, frames); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1001, "ns/packet")
}

type sink struct{}

func (sink) Send(frames [][]byte) (int, error) { return len(frames), nil }
