package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzProcess sends arbitrary frames through the test programs: nothing may
// panic, and a frame gives the same result whatever came before it.
func FuzzProcess(f *testing.F) {
	f.Add(uint16(1), ipv4(1, 0x0a010203, 17, 64, udp(53)...))
	for op := range 64 {
		f.Add(uint16(2), cmd(byte(op), 5, make([]byte, 40)...))
		f.Add(uint16(2), cmd(byte(op), 3, 2, 4, 7))
	}
	f.Add(uint16(511), []byte{})
	f.Fuzz(func(t *testing.T, port uint16, frame []byte) {
		for name, d := range map[string]*Dataplane{"router": newRouter(t), "traffic": newTraffic(t)} {
			first := run(d, uint32(port), frame)
			if s := d.Stats(); s.Panics != 0 {
				t.Fatalf("%s: panic on %x", name, frame)
			}
			if len(frame) > 0 && frame[0] == 0x10 || len(frame) > 2 && frame[2] == 0x10 || len(frame) > 0 && frame[0] == 8 {
				continue // reads what it wrote before, or random
			}
			if again := run(d, uint32(port), frame); !slices.Equal(first, again) && len(frame) > 0 && frame[0] < 0x30 && frame[0] != 0x0f {
				t.Fatalf("%s: %x gave %s, then %s", name, frame, dump(first), dump(again))
			}
		}
	})
}

// FuzzCompile mutates programs: Compile answers or refuses, and what it
// compiles runs.
func FuzzCompile(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no programs in testdata: %v", err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(exprDoc(nil))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Compile(doc)
		if err != nil {
			return
		}
		d := New(p, Config{})
		for n := range 128 {
			run(d, 1, make([]byte, n))
		}
	})
}

func TestEveryLengthIsProcessed(t *testing.T) {
	traffic, router := newTraffic(t), newRouter(t)
	buf := make([]byte, MaxFrame+2)
	copy(buf, ipv4(1, 0x0a010203, 17, 64, udp(53)...))
	for _, n := range []int{0, 1, 13, 14, 15, 33, 34, 1500, 9000, 65534, MaxFrame, MaxFrame + 1} {
		for _, d := range []*Dataplane{traffic, router} {
			run(d, 1, buf[:n])
		}
	}
	for i, d := range []*Dataplane{traffic, router} {
		if s := d.Stats(); s.Panics != 0 || s.DropTooLong == 0 || s.Received != 12 {
			t.Errorf("%d: stats %+v", i, s)
		}
	}
}
