package ts_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/ts"
	"pgregory.net/rapid"
)

const modulus = (1 << 33) * 300

// packet makes a packet of the given PID, with a clock reference if ticks ≥ 0.
func packet(pid uint16, ticks int64, discontinuity bool) []byte {
	p := bytes.Repeat([]byte{0xff}, ts.PacketSize)
	p[0], p[1], p[2], p[3] = 0x47, byte(pid>>8), byte(pid), 0x10
	if ticks < 0 {
		return p
	}
	base, ext := uint64(ticks)/300%(1<<33), uint64(ticks)%300
	p[3], p[4], p[5] = 0x30, 7, 0x10
	if discontinuity {
		p[5] |= 0x80
	}
	copy(p[6:], []byte{byte(base >> 25), byte(base >> 17), byte(base >> 9), byte(base >> 1),
		byte(base<<7) | 0x7e | byte(ext>>8), byte(ext)})
	return p
}

func TestReadPCR(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := ts.ClockReference{
			PID:           uint16(rapid.IntRange(0, 0x1fff).Draw(t, "pid")),
			Ticks:         uint64(rapid.Int64Range(0, modulus-1).Draw(t, "ticks")),
			Discontinuity: rapid.Bool().Draw(t, "discontinuity"),
		}
		got, ok := ts.ReadPCR(packet(want.PID, int64(want.Ticks), want.Discontinuity))
		if !ok || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, ok, want)
		}
	})
	edit := func(f func(p []byte)) []byte {
		p := packet(256, 300, false)
		f(p)
		return p
	}
	for name, p := range map[string][]byte{
		"no adaptation field":       packet(256, -1, false),
		"short":                     packet(256, 300, false)[:187],
		"nothing":                   nil,
		"no sync byte":              edit(func(p []byte) { p[0] = 0x46 }),
		"damaged":                   edit(func(p []byte) { p[1] |= 0x80 }),
		"field too short for a PCR": edit(func(p []byte) { p[4] = 6 }),
		"field beyond the packet":   edit(func(p []byte) { p[4] = 184 }),
		"no PCR flag":               edit(func(p []byte) { p[5] = 0x80 }),
		"extension of 300":          edit(func(p []byte) { p[10] |= 1; p[11] = 44 }),
	} {
		if ref, ok := ts.ReadPCR(p); ok {
			t.Errorf("%s: %+v", name, ref)
		}
	}
}

func FuzzReadPCR(f *testing.F) {
	f.Add(packet(256, 12345, true))
	f.Add(packet(0x1fff, modulus-1, false))
	f.Add(packet(17, -1, false))
	f.Fuzz(func(t *testing.T, p []byte) {
		if ref, ok := ts.ReadPCR(p); ok && (ref.Ticks >= modulus || ref.PID > 0x1fff) {
			t.Errorf("%+v", ref)
		}
	})
}

func TestCheck(t *testing.T) {
	stream := bytes.Repeat(packet(256, 0, false), 8)
	m2ts := bytes.Repeat(append([]byte{1, 2, 3, 4}, packet(256, 0, false)...), 8)
	rs := bytes.Repeat(append(packet(256, 0, false), make([]byte, 16)...), 8)
	for _, c := range []struct {
		name   string
		head   []byte
		offset int
		says   string // in the error; "" for none
	}{
		{"a stream", stream, 0, ""},
		{"one packet", stream[:188], 0, ""},
		{"less than a packet", stream[:100], 0, ""},
		{"a tail that is no packet", stream[:188*2+5], 0, ""},
		{"from the middle of a packet", stream[100:], 88, ""},
		{"text", []byte("#EXTM3U\n" + strings.Repeat("x", 1000)), 0, "byte 0 is 0x23"},
		{"sync once", append([]byte{0x47}, make([]byte, 999)...), 0, "byte 188 is 0x00"},
		{"nothing", nil, 0, "no bytes at all"},
		{"M2TS", m2ts, 0, "192-byte packets"},
		{"204", rs, 0, "204-byte packets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			offset, err := ts.Check(c.head)
			if offset != c.offset || (c.says == "") != (err == nil) {
				t.Fatalf("offset %d, %v", offset, err)
			}
			if err != nil && (!errors.Is(err, ts.ErrNotTS) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(bytes.Repeat(packet(256, 0, false), 5))
	f.Add([]byte("G"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if offset, err := ts.Check(head); err == nil && head[offset] != 0x47 {
			t.Errorf("offset %d", offset)
		}
	})
}

// scan gives the stream to a Scanner in pieces and returns where it saw packets.
func scan(s *ts.Scanner, stream []byte, piece func() int) (offsets []int64, packets [][]byte) {
	for len(stream) > 0 {
		n := min(piece(), len(stream))
		b := stream[:n]
		stream = stream[n:]
		for {
			p, off, rest := s.Next(b)
			if b = rest; p == nil {
				break
			}
			offsets, packets = append(offsets, off), append(packets, bytes.Clone(p))
		}
	}
	return offsets, packets
}

// However a stream is cut, its packets are found.
func TestScanner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "packets")
		var stream []byte
		for i := range n {
			stream = append(stream, packet(uint16(i), -1, false)...)
		}
		stream = append(stream, make([]byte, rapid.IntRange(0, 187).Draw(t, "tail"))...)
		var s ts.Scanner
		offsets, packets := scan(&s, stream, func() int { return rapid.IntRange(1, 1000).Draw(t, "piece") })
		if len(packets) != n || s.Losses() != 0 {
			t.Fatalf("%d packets, %d losses, want %d and 0", len(packets), s.Losses(), n)
		}
		for i, p := range packets {
			if offsets[i] != int64(i*ts.PacketSize) || !bytes.Equal(p, stream[i*ts.PacketSize:][:ts.PacketSize]) {
				t.Fatalf("packet %d at %d: %x", i, offsets[i], p)
			}
		}
	})
}

// Bytes lost or added in the middle cost a few packets, not the stream.
func TestScannerFindsItsWayBack(t *testing.T) {
	good := bytes.Repeat(packet(256, -1, false), 50)
	for name, stream := range map[string][]byte{
		"bytes missing":    append(bytes.Clone(good), good[100:]...),
		"bytes added":      append(append(bytes.Clone(good), 1, 2, 0x47, 3), good...),
		"a short last one": append(bytes.Clone(good[:len(good)-60]), good...),
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 187, 188, 189, 1316, 1 << 20} {
				var s ts.Scanner
				_, packets := scan(&s, stream, func() int { return size })
				if len(packets) < 90 || s.Losses() != 1 {
					t.Errorf("pieces of %d: %d packets, %d losses", size, len(packets), s.Losses())
				}
				for _, p := range packets[50:] {
					if !bytes.Equal(p, good[:ts.PacketSize]) {
						t.Fatalf("pieces of %d: %x is no packet", size, p)
					}
				}
			}
		})
	}
	var s ts.Scanner
	s.Skip(88)
	if offsets, _ := scan(&s, good, func() int { return 500 }); offsets[0] != 88 {
		t.Errorf("after Skip(88) the first packet is at %d", offsets[0])
	}
}

func FuzzScanner(f *testing.F) {
	f.Add(bytes.Repeat(packet(256, 0, false), 3), 100)
	f.Add(append([]byte("GGG"), bytes.Repeat(packet(256, 0, false), 5)...), 7)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 {
			return
		}
		var whole, pieces ts.Scanner
		a, _ := scan(&whole, stream, func() int { return len(stream) })
		b, _ := scan(&pieces, stream, func() int { return size })
		if fmt.Sprint(a) != fmt.Sprint(b) || whole.Losses() != pieces.Losses() {
			t.Errorf("whole: %v, in pieces of %d: %v", a, size, b)
		}
	})
}

const second = ts.ClockRate

func TestTimeline(t *testing.T) {
	type ref struct {
		offset, ticks int64
		pid           uint16
		discontinuity bool
	}
	type due struct {
		offset int64
		at     time.Duration
		known  bool
	}
	for _, c := range []struct {
		name  string
		refs  []ref
		want  []due
		jumps uint64
	}{
		{"no clock: the fallback, 8000 bit/s", nil,
			[]due{{0, 0, false}, {500, 500 * time.Millisecond, false}, {2000, 2 * time.Second, false}}, 0},
		{"one reference, then the fallback", []ref{{offset: 100, ticks: 5 * second}},
			[]due{{0, 0, true}, {100, 0, true}, {600, 500 * time.Millisecond, false}}, 0},
		{"between two", []ref{{offset: 0, ticks: 9 * second}, {offset: 4000, ticks: 10 * second}},
			[]due{{0, 0, true}, {1000, 250 * time.Millisecond, true}, {4000, time.Second, true}, {6000, 1500 * time.Millisecond, false}}, 0},
		{"a variable rate", []ref{{offset: 0}, {offset: 1000, ticks: second}, {offset: 9000, ticks: 2 * second}},
			[]due{{500, 500 * time.Millisecond, true}, {5000, 1500 * time.Millisecond, true}}, 0},
		{"the 33-bit wrap", []ref{{offset: 0, ticks: modulus - second/2}, {offset: 1000, ticks: second / 2}},
			[]due{{1000, time.Second, true}}, 0},
		{"a jump back goes on at the average rate",
			[]ref{{offset: 0, ticks: 100 * second}, {offset: 1000, ticks: 101 * second}, {offset: 1500, ticks: 50 * second}, {offset: 2500, ticks: 51 * second}},
			[]due{{1500, 1500 * time.Millisecond, true}, {2500, 2500 * time.Millisecond, true}}, 1},
		{"a jump ahead too", []ref{{offset: 0}, {offset: 1000, ticks: second}, {offset: 2000, ticks: 3600 * second}},
			[]due{{2000, 2 * time.Second, true}}, 1},
		{"a discontinuity is believed even when it fits",
			[]ref{{offset: 0}, {offset: 1000, ticks: second}, {offset: 2000, ticks: 5 * second, discontinuity: true}},
			[]due{{2000, 2 * time.Second, true}}, 1},
		{"another program's clock does not count",
			[]ref{{offset: 0, pid: 1}, {offset: 100, ticks: 77 * second, pid: 2}, {offset: 1000, ticks: second, pid: 1}},
			[]due{{500, 500 * time.Millisecond, true}, {1000, time.Second, true}}, 0},
		{"the same reference twice", []ref{{offset: 0}, {offset: 0}, {offset: 500}, {offset: 1000, ticks: second}},
			[]due{{0, 0, true}, {500, 0, true}, {750, 500 * time.Millisecond, true}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := ts.NewTimeline(8000)
			for _, r := range c.refs {
				line.Add(r.offset, ts.ClockReference{PID: r.pid, Ticks: uint64(r.ticks), Discontinuity: r.discontinuity})
			}
			for _, w := range c.want {
				if known := line.Known(w.offset); known != w.known {
					t.Errorf("Known(%d) = %v", w.offset, known)
				}
				if at := line.At(w.offset); at < w.at-time.Microsecond || at > w.at+time.Microsecond {
					t.Errorf("At(%d) = %v, want %v", w.offset, at, w.at)
				}
			}
			if line.Jumps() != c.jumps {
				t.Errorf("%d jumps, want %d", line.Jumps(), c.jumps)
			}
		})
	}
}

// A clock that starts late takes over where the guess has come to.
func TestTimelineLateStart(t *testing.T) {
	line := ts.NewTimeline(8000)
	if at := line.At(2000); at != 2*time.Second {
		t.Fatal(at)
	}
	line.Add(3000, ts.ClockReference{Ticks: 77})
	if at := line.At(3000); at != 3*time.Second {
		t.Errorf("the clock starts at %v, want 3s", at)
	}
}

// Time never runs backwards, whatever the clock references say.
func TestTimelineIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := ts.NewTimeline(1_000_000)
		var offset, asked int64
		var last time.Duration
		for range rapid.IntRange(1, 50).Draw(t, "references") {
			offset += rapid.Int64Range(0, 100_000).Draw(t, "bytes")
			if rapid.IntRange(0, 4).Draw(t, "blind") > 0 {
				line.Add(offset, ts.ClockReference{
					Ticks:         uint64(rapid.Int64Range(0, modulus-1).Draw(t, "ticks")),
					Discontinuity: rapid.Bool().Draw(t, "discontinuity"),
				})
			}
			for asked < offset && line.Known(asked) {
				at := line.At(asked)
				if at < last {
					t.Fatalf("byte %d is due at %v, after one at %v", asked, at, last)
				}
				last = at
				asked += 1316
			}
		}
	})
}
