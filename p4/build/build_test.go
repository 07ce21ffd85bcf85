package build_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/p4/build/sources"
	"github.com/corecast/corecast/wire"
)

func TestOutputIsOfTheseSources(t *testing.T) {
	committed, err := os.ReadFile("SOURCES.sha256")
	if err != nil {
		t.Fatal(err)
	}
	now, err := sources.Sum("..")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(committed)); got != now {
		t.Errorf("p4/build was compiled from other sources (%s, now %s): run `make p4`", got, now)
	}
}

func TestOutputLoads(t *testing.T) {
	var program struct {
		Meta struct{ Version []int } `json:"__meta__"`
	}
	if err := json.Unmarshal(build.DeviceConfig(), &program); err != nil {
		t.Fatal(err)
	}
	if len(program.Meta.Version) == 0 {
		t.Error("device config is not BMv2 JSON: no __meta__.version")
	}
	if n := len(build.P4Info().Tables); n == 0 {
		t.Error("P4Info has no tables")
	}
}

// The P4 program and Go each spell out the wire format; here they meet.
func TestWireConstantsAgree(t *testing.T) {
	for _, c := range []struct {
		name    string
		p4, go_ int
	}{
		{"CoreCast UDP port", build.CorecastPort, wire.Port},
		{"version", build.CorecastVersion, wire.Version},
		{"type PAYLOAD", build.TypePayload, int(wire.TypePayload)},
		{"type HEADER4", build.TypeHeader4, int(wire.TypeHeader4)},
		{"type HEADER6", build.TypeHeader6, int(wire.TypeHeader6)},
		{"largest payload", build.MaxPayload, wire.MaxPayload},
		{"most entries", build.MaxEntries, wire.MaxEntries},
		{"header bytes", build.CorecastBytes, wire.HeaderSize},
		{"LISP data port", build.LISPDataPort, lisp.DataPort},
	} {
		if c.p4 != c.go_ {
			t.Errorf("%s: %d in p4/shared/ids.h, %d in Go", c.name, c.p4, c.go_)
		}
	}
}

// An id belongs to its object for ever: clients and stored requests keep it.
func TestIDsArePermanent(t *testing.T) {
	want := map[string]uint32{
		"ports": 0x02000001, "my_rlocs4": 0x02000002, "channels4": 0x02000003, "streams4": 0x02000004,
		"source_rlocs4": 0x02000005, "eids4": 0x02000006, "rlocs": 0x02000007, "neighbors4": 0x02000008,
		"target": 0x02000009, "my_rlocs6": 0x0200000a, "channels6": 0x0200000b, "streams6": 0x0200000c,
		"source_rlocs6": 0x0200000d, "eids6": 0x0200000e, "neighbors6": 0x0200000f, "rloc_sets": 0x02000010,
		"viewers4": 0x02000011, "viewers6": 0x02000012,
	}
	tables := build.P4Info().Tables
	for _, table := range tables {
		if id, known := want[table.Preamble.Name]; !known || id != table.Preamble.Id {
			t.Errorf("table %s has id %#x, want %#x (add new ids here, never change one)",
				table.Preamble.Name, table.Preamble.Id, id)
		}
	}
	if len(tables) != len(want) {
		t.Errorf("P4Info has %d tables, want %d", len(tables), len(want))
	}
}
