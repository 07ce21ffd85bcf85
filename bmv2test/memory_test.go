package bmv2test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch/engine"
)

// payloadRegisters hold the pieces of stored payloads, by cell of a slot.
var payloadRegisters = []string{
	"store_tags", "store_info", "made", "store_c0", "store_c1", "store_c2", "store_c3", "store_c4", "store_t128",
	"store_t64", "store_t32", "store_t16", "store_t8", "store_t4", "store_t2", "store_t1",
}

// stampedRLOCs is how many RLOCs a switch of our networks encapsulates to, at
// most.
const stampedRLOCs = 8

// memory describes all that switch d remembers of the channel in both families:
// payloads, generations and served stamps. It is "" on targets that do not let
// one look.
func (t *T) memory(d int) string {
	t.Helper()
	plane := t.dataplane(d)
	if plane == nil {
		return ""
	}
	var text strings.Builder
	for _, six := range []bool{false, true} {
		slot, ok := t.controls[d].slots[six]
		if !ok {
			continue
		}
		for _, name := range payloadRegisters {
			for parity := range 2 {
				t.remembered(&text, plane, name, int(slot)*2+parity)
			}
		}
		t.remembered(&text, plane, "generations", int(slot))
		for rloc := 0; d == 0 && rloc < stampedRLOCs; rloc++ {
			t.remembered(&text, plane, "served", int(slot)*build.MaxRLOCs+rloc)
		}
	}
	return text.String()
}

// dataplane is the engine of a softswitch, in memory or on Linux interfaces.
func (s *softswitchDevice) dataplane() *engine.Dataplane { return s.engine.Dataplane() }

// dataplane returns the engine of a softswitch, nil for other targets.
func (t *T) dataplane(d int) *engine.Dataplane {
	if s, ok := t.fig.devices[SwitchName(d)].(interface{ dataplane() *engine.Dataplane }); ok {
		return s.dataplane()
	}
	return nil
}

// remembered adds a line for a cell; long ones by their hash.
func (t *T) remembered(text *strings.Builder, plane *engine.Dataplane, name string, index int) {
	t.Helper()
	value, err := plane.ReadRegister(name, index)
	if errors.Is(err, engine.ErrUnknownObject) {
		value, err = plane.ReadRegister("."+name, index)
	}
	if err != nil {
		t.Fatalf("register %s[%d]: %v", name, index, err)
	}
	if len(value) > 16 {
		hash := fnv.New64a()
		hash.Write(value)
		value = hash.Sum(nil)
	}
	fmt.Fprintf(text, "%s[%d] = %x\n", name, index, value)
}
