package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Next returns the next number of a durable counter: more than any that it
// returned before, and at least floor. No number is returned twice, by however
// many callers.
func Next(ctx context.Context, s Store, key string, floor uint64) (uint64, error) {
	for {
		e, err := s.Get(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return 0, err
		}
		next := floor
		if err == nil {
			if len(e.Value) != 8 {
				return 0, fmt.Errorf("%s holds %d bytes: no counter", key, len(e.Value))
			}
			next = max(floor, binary.BigEndian.Uint64(e.Value)+1)
		}
		_, err = PutIf(ctx, s, key, binary.BigEndian.AppendUint64(nil, next), e.Modified)
		if err == nil {
			return next, nil
		}
		if !errors.Is(err, ErrConflict) {
			return 0, err
		}
	}
}
