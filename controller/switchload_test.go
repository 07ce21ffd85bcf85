package controller

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// However slots lie, each is read once, and no read asks for too many.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.SliceOfDistinct(rapid.IntRange(0, 5000), rapid.ID).Draw(t, "slots")
		slices.Sort(slots)
		var list, back []slotOwner
		for _, slot := range slots {
			list = append(list, slotOwner{slot: slot})
		}
		for _, span := range spans(list) {
			if n := span[len(span)-1].slot - span[0].slot + 1; n > slotsAtOnce {
				t.Fatalf("%d slots at once", n)
			}
			back = append(back, span...)
		}
		if !slices.Equal(back, list) {
			t.Fatalf("%v, want %v", back, list)
		}
	})
}
