package engine

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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
	router, traffic := newRouter(f), newTraffic(f)
	f.Fuzz(func(t *testing.T, port uint16, frame []byte) {
		for name, d := range map[string]*Dataplane{"router": router, "traffic": traffic} {
			first := run(d, uint32(port), frame)
			if s := d.Stats(); s.Panics != 0 {
				t.Fatalf("%s: panic on %x", name, frame)
			}
			if !stateless(frame) {
				continue
			}
			if again := run(d, uint32(port), frame); !slices.Equal(first, again) {
				t.Fatalf("%s: %x gave %s, then %s", name, frame, dump(first), dump(again))
			}
		}
	})
}

// stateless says that traffic.p4 neither writes a register nor draws a random
// number for the frame.
func stateless(frame []byte) bool {
	if len(frame) > 0 && frame[0]>>4 == 0xf {
		frame = frame[min(2, len(frame)):]
	}
	return len(frame) == 0 || frame[0] != 8 && frame[0] != 0x10 && frame[0] != 0x31
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

// TestMutatedPrograms edits programs as trees: values are removed, repeated
// and exchanged, so that the mutants are JSON and often almost programs.
func TestMutatedPrograms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	compiled := 0
	for _, name := range []string{"router", "traffic"} {
		doc, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			var tree any
			if err := json.Unmarshal(doc, &tree); err != nil {
				t.Fatal(err)
			}
			var nodes []any
			collect(tree, &nodes)
			for range 1 + rng.IntN(3) {
				mutate(rng, nodes)
			}
			b, err := json.Marshal(tree)
			if err != nil {
				continue // a value became part of itself
			}
			p, err := Compile(b)
			if err != nil {
				if strings.Contains(err.Error(), "compiler bug") {
					t.Fatal(err)
				}
				continue
			}
			compiled++
			d := New(p, Config{MaxPasses: 4})
			for op := range 64 {
				run(d, 1, cmd(byte(op), 1, make([]byte, 60)...))
			}
			run(d, 1, ipv4(1, 0x0a010203, 17, 64, udp(53)...))
			if s := d.Stats(); s.Panics != 0 {
				t.Fatalf("%s: %d packets met a bug in\n%s", name, s.Panics, b)
			}
		}
	}
	if compiled == 0 {
		t.Error("no mutant compiled: the test tests nothing")
	}
}

// collect lists the objects and arrays of a tree.
func collect(v any, out *[]any) {
	switch v := v.(type) {
	case map[string]any:
		*out = append(*out, v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			collect(v[k], out)
		}
	case []any:
		*out = append(*out, v)
		for _, x := range v {
			collect(x, out)
		}
	}
}

// mutate changes one member of one node to another value of the tree.
func mutate(rng *rand.Rand, nodes []any) {
	odd := []any{nil, true, -1.0, 0.0, 1.0, 63.0, 2049.0, 1e9, "", "0x0", "0xffffffffffffffffff", "-0x1", "h.cmd", "field", "expression"}
	value := odd[rng.IntN(len(odd))]
	if rng.IntN(2) == 0 {
		value = nodes[rng.IntN(len(nodes))]
	}
	switch n := nodes[rng.IntN(len(nodes))].(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(n))
		if len(keys) == 0 {
			return
		}
		k := keys[rng.IntN(len(keys))]
		if rng.IntN(4) == 0 {
			delete(n, k)
		} else if !within(value, n) {
			n[k] = value
		}
	case []any:
		if len(n) > 0 && !within(value, n) {
			n[rng.IntN(len(n))] = value
		}
	}
}

// within says whether node is part of value, so that it cannot be put into it.
func within(value, node any) bool {
	var parts []any
	collect(value, &parts)
	return slices.ContainsFunc(parts, func(p any) bool { return reflect.ValueOf(p).Pointer() == reflect.ValueOf(node).Pointer() })
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
