package keep

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/corecast/corecast/store"
)

// block is how many sequence numbers are reserved at a time: 7 hours at 40
// payloads a second. A run that ends leaves the rest of its block unused, and
// there are 4,096 blocks.
const block = 1 << 20

// Sequence hands out a channel's sequence numbers. What is in the store is
// ahead of what was used, so that whoever goes on from there uses none again:
// not even if the store fails for hours.
type Sequence struct {
	key      string
	reserved uint64        // the first number that is not reserved; of Writer.Run
	used     atomic.Uint32 // the first number that was not used
	first    uint32
}

// First is the first number to use.
func (s *Sequence) First() uint32 { return s.first }

// Used notes that a number was used.
func (s *Sequence) Used(n uint32) { s.used.Store(n + 1) }

// extend reserves more when a quarter of a block is used.
func (s *Sequence) extend(put func(store.Op) error) error {
	if left := uint32(s.reserved) - s.used.Load(); left > block-block/4 && left <= 2*block {
		return nil
	}
	next := s.reserved + block
	if err := put(s.op(next)); err != nil {
		return err
	}
	s.reserved = next
	return nil
}

// op stores that all numbers before next may be used.
func (s *Sequence) op(next uint64) store.Op {
	return store.Op{Key: s.key, Value: binary.BigEndian.AppendUint64(nil, next)}
}
