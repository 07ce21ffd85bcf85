package source_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
)

// manyViewers returns n viewers in sites of 100.
func manyViewers(n int) []dstlist.Viewer {
	all := make([]dstlist.Viewer, n)
	for i := range all {
		all[i] = dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Port: 5004, RLOC: rlocOf(i / 100)}
	}
	return all
}

// timing is a Sender that notes when how many header packets were sent.
type timing struct {
	clock   *fakeClock
	began   []time.Duration // of each payload
	ended   []time.Duration // the last header of each
	headers []int           // of each
	largest int
	perMS   map[time.Duration]int
}

func (*timing) Headroom() int { return 0 }

func (s *timing) Send(packets [][]byte) (int, error) {
	n := len(packets)
	if packets[0][0]&0xf == byte(wire.TypePayload) {
		s.began, s.headers, s.ended = append(s.began, s.clock.passed), append(s.headers, 0), append(s.ended, 0)
		n--
	}
	last := len(s.began) - 1
	s.headers[last] += n
	s.ended[last] = s.clock.passed
	s.largest = max(s.largest, n)
	if s.perMS == nil {
		s.perMS = map[time.Duration]int{}
	}
	s.perMS[s.clock.passed/time.Millisecond] += n
	return len(packets), nil
}

// The paper's audience, scaled by 7: headers are spread over the payload
// interval, in batches of what is due in a millisecond, or smaller ones.
func TestSpread(t *testing.T) {
	const viewers, payloads = 10_003, 41
	for _, burst := range []int{0, 16} {
		cfg := config(t, channel4, manyViewers(viewers))
		out := &timing{clock: new(fakeClock)}
		cfg.Clock, cfg.Pace, cfg.Burst, cfg.Bitrate = out.clock, source.PaceClock, burst, 1316*8*40
		if _, err := source.Run(t.Context(), cfg, memory(make([]byte, payloads*1316)), out); err != nil {
			t.Fatal(err)
		}
		const interval = 25 * time.Millisecond
		due := viewers/(25*7/8) + 1 // in a millisecond of the window
		want := due + 20            // the rounding of 25 × 7/8
		if burst > 0 {
			want = burst
		}
		if len(out.began) != payloads || out.largest > want {
			t.Fatalf("burst %d: %d payloads, batches up to %d: want %d, %d", burst, len(out.began), out.largest, payloads, want)
		}
		for i, at := range out.began {
			if !near(at, time.Duration(i)*interval, time.Millisecond) || out.headers[i] != viewers {
				t.Fatalf("burst %d: payload %d at %v with %d headers", burst, i, at, out.headers[i])
			}
			if took := out.ended[i] - at; took > interval*7/8 || took < interval*3/4 {
				t.Fatalf("burst %d: the headers of payload %d took %v", burst, i, took)
			}
		}
		for ms, n := range out.perMS {
			if n > 2*due {
				t.Errorf("burst %d: %d headers in millisecond %d, about %d are due", burst, n, ms, due)
			}
		}
	}
}

// A few headers go at once.
func TestNoSpreadForFew(t *testing.T) {
	cfg := config(t, channel4, manyViewers(16))
	out := &timing{clock: new(fakeClock)}
	cfg.Clock, cfg.Pace, cfg.Bitrate = out.clock, source.PaceClock, 1316*8*40
	if _, err := source.Run(t.Context(), cfg, memory(make([]byte, 5*1316)), out); err != nil {
		t.Fatal(err)
	}
	if len(out.began) != 5 || out.largest != 16 || out.ended[4] != out.began[4] {
		t.Errorf("%+v", out)
	}
}

func TestPayloadFor(t *testing.T) {
	for _, c := range []struct {
		mtu      int
		v6       bool
		payload  int
		whatElse string
	}{
		{1500, false, 1316, "1424 bytes of room"},
		{1500, true, 1316, "1384 bytes of room"},
		{1392, false, 1316, "exactly"},
		{1391, false, 1128, "one byte less"},
		{9000, false, 1316, "a payload has at most 1472 bytes"},
		{264, false, 188, "the least"},
		{263, false, 0, "not even one"},
		{303, true, 0, "not even one"},
		{0, false, 0, "nothing"},
	} {
		if got := source.PayloadFor(c.mtu, c.v6); got != c.payload {
			t.Errorf("MTU %d, IPv6 %v: %d, want %d (%s)", c.mtu, c.v6, got, c.payload, c.whatElse)
		}
	}
}

// narrow is a receiver behind a path that takes less than was thought.
type narrow struct {
	receiver
	told  int // the MTU that the sender says
	takes int // the longest IP packet that gets through
}

func (n *narrow) PathMTU() int { return n.told }

func (n *narrow) Send(packets [][]byte) (int, error) {
	for i, p := range packets {
		if len(p)+28 > n.takes {
			n.told = n.takes
			return i, source.ErrTooLong
		}
		if _, err := n.receiver.Send([][]byte{p}); err != nil {
			return i, err
		}
	}
	return len(packets), nil
}

// A path that takes less makes payloads shorter; the media stays whole and no
// sequence number is used twice.
func TestPathMTU(t *testing.T) {
	media := clipBytes(t)[:200*188]
	for _, c := range []struct{ told, takes, want int }{
		{1500, 1500, 1316}, // all as thought
		{1400, 1500, 1316},
		{1380, 1500, 1128}, // the source's own link
		{1500, 1300, 1128},
		{1500, 500, 376},
	} {
		cfg := config(t, channel4, figure2(false))
		cfg.Opaque = false
		out := &narrow{told: c.told, takes: c.takes}
		report, err := source.Run(t.Context(), cfg, memory(media), out)
		if err != nil || !bytes.Equal(out.media.Bytes(), media) {
			t.Fatalf("%+v: %v, %d of %d bytes", c, err, out.media.Len(), len(media))
		}
		cut := uint64(0)
		if c.takes < 1400 {
			cut = 1
		}
		if out.lengths[0] != c.want || report.Shorter != cut || report.Unsent != 0 || uint64(len(out.ids)) != report.Payloads {
			t.Errorf("%+v: payloads of %d bytes, %+v", c, out.lengths[0], report)
		}
		for i := 1; i < len(out.ids); i++ {
			if out.ids[i].Sequence != out.ids[i-1].Sequence+1 {
				t.Errorf("%+v: sequence %d after %d", c, out.ids[i].Sequence, out.ids[i-1].Sequence)
			}
		}
	}
	out := &narrow{told: 200, takes: 200}
	if _, err := source.Run(t.Context(), config(t, channel4, nil), memory(media), out); err == nil {
		t.Error("a path that takes no payload at all")
	}
}
