package ts_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/corecast/corecast/source/ts"
)

// numbered is a packet with a continuity counter.
func numbered(pid uint16, counter byte) []byte {
	p := packet(pid, -1, false)
	p[3] = 0x10 | counter&0xf
	return p
}

// pat is a PAT that names the programs' PMTs.
func pat(counter byte, pmts ...uint16) []byte {
	p := numbered(0, counter)
	p[1] |= 0x40
	section := []byte{0, 0, 0xb0, byte(9 + 4*len(pmts)), 0, 1, 0xc1, 0, 0}
	for i, pid := range pmts {
		section = append(section, 0, byte(i+1), 0xe0|byte(pid>>8), byte(pid))
	}
	copy(p[4:], append(section, 1, 2, 3, 4))
	return p
}

func start(p []byte) []byte {
	p[1] |= 0x40
	return p
}

func edited(p []byte, f func(p []byte)) []byte {
	f(p)
	return p
}

func TestMonitorContinuity(t *testing.T) {
	for _, c := range []struct {
		name    string
		packets [][]byte
		lost    uint64
	}{
		{"in order", [][]byte{numbered(5, 14), numbered(5, 15), numbered(5, 0)}, 0},
		{"two PIDs", [][]byte{numbered(5, 1), numbered(6, 9), numbered(5, 2), numbered(6, 10)}, 0},
		{"one missing", [][]byte{numbered(5, 1), numbered(5, 3), numbered(5, 4)}, 1},
		{"sent twice", [][]byte{numbered(5, 1), numbered(5, 1), numbered(5, 2)}, 0},
		{"sent thrice", [][]byte{numbered(5, 1), numbered(5, 1), numbered(5, 1)}, 1},
		{"null packets do not count", [][]byte{numbered(0x1fff, 1), numbered(0x1fff, 7)}, 0},
		{"without payload it stays", [][]byte{
			numbered(5, 1), edited(numbered(5, 1), func(p []byte) { p[3], p[4], p[5] = 0x21, 183, 0 }), numbered(5, 2)}, 0},
		{"a discontinuity", [][]byte{
			numbered(5, 1), edited(numbered(5, 9), func(p []byte) { p[3], p[4], p[5] = 0x39, 1, 0x80 }), numbered(5, 10)}, 0},
		{"damaged ones are not believed", [][]byte{
			numbered(5, 1), edited(numbered(5, 9), func(p []byte) { p[1] |= 0x80 }), numbered(5, 2)}, 0},
	} {
		var m ts.Monitor
		for _, p := range c.packets {
			m.Packet(p)
		}
		if h := m.Health(); h.Lost != c.lost || h.Packets != uint64(len(c.packets)) {
			t.Errorf("%s: %+v, want %d lost", c.name, h, c.lost)
		}
	}
}

// A second of stream with a PAT every 250 ms, PMTs every 500 ms, and then no
// more.
func TestMonitorTables(t *testing.T) {
	var m ts.Monitor
	clock := int64(0)
	for i := range 200 { // a reference every 10 ms
		m.Packet(packet(256, clock, false))
		clock += second / 100
		if i < 100 && i%25 == 0 {
			m.Packet(pat(byte(i/25), 100, 200))
		}
		if i < 100 && i%50 == 0 {
			m.Packet(start(numbered(100, byte(i/50))))
		}
		if i == 99 {
			if h := m.Health(); h.PATs != 4 || h.PMTs != 2 || h.Programs != 2 ||
				h.PATInterval != 250*time.Millisecond || h.PMTInterval != 500*time.Millisecond {
				t.Fatalf("%+v", h)
			}
		}
	}
	h := m.Health()
	if h.PATInterval < 1200*time.Millisecond || h.PMTInterval < 1400*time.Millisecond {
		t.Errorf("long after the last tables: %+v", h)
	}
	if want := 100 * 188 * 8; h.Bitrate < want*95/100 || h.Bitrate > want*110/100 {
		t.Errorf("%d bit/s, want about %d", h.Bitrate, want)
	}
}

// Whatever comes, the monitor survives it, and counts every packet.
func FuzzMonitor(f *testing.F) {
	f.Add(bytes.Join([][]byte{pat(0, 100), start(numbered(100, 0)), packet(256, 5*second, false)}, nil))
	f.Add(edited(pat(0, 100), func(p []byte) { p[4] = 183 }))
	f.Add(edited(pat(0, 100), func(p []byte) { p[3], p[4] = 0x30, 255 }))
	f.Add(edited(pat(0, 100), func(p []byte) { p[6], p[7] = 0xff, 0xff }))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var m ts.Monitor
		n := uint64(0)
		for ; len(stream) >= ts.PacketSize; stream = stream[ts.PacketSize:] {
			m.Packet(stream[:ts.PacketSize])
			n++
		}
		m.Packet(stream) // what is left is no packet
		h := m.Health()
		if h.Packets != n || h.Lost > n || h.Programs > 50 || h.PATInterval < 0 || h.PMTInterval < 0 || h.Bitrate < 0 {
			t.Errorf("%+v after %d packets", h, n)
		}
	})
}
