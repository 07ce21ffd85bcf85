package keep

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// Renewals are many and say little, so they are not written lease by lease: one
// value holds those of a moment,
//
//	+---------------------------------------------------------------+
//	|                        lease ID (8)                           |
//	+---------------------------------------------------------------+
//	|              its new end, Unix milliseconds (8)               |
//	+---------------------------------------------------------------+
//	|                             …                                 |
//
// and is of no use any more when the longest lease has passed.
const renewalSize = 16

// mostRenewals is how many one value holds.
const mostRenewals = 1 << 14

func appendRenewal(b []byte, id dstlist.ID, expires time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	return binary.BigEndian.AppendUint64(b, uint64(expires.UnixMilli()))
}

var errRenewals = errors.New("no renewals")

// decodeRenewals yields what appendRenewal has put together.
func decodeRenewals(b []byte) (iter.Seq2[dstlist.ID, time.Time], error) {
	if len(b)%renewalSize != 0 {
		return nil, fmt.Errorf("%w: %d bytes, no multiple of %d", errRenewals, len(b), renewalSize)
	}
	return func(yield func(dstlist.ID, time.Time) bool) {
		for ; len(b) > 0; b = b[renewalSize:] {
			expires := time.UnixMilli(int64(binary.BigEndian.Uint64(b[8:])))
			if !yield(dstlist.ID(binary.BigEndian.Uint64(b)), expires) {
				return
			}
		}
	}, nil
}
