package viewerapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/corecast/corecast/source/dstlist"
)

// macSize is how much of the HMAC a lease id carries: 96 bits cannot be guessed.
const macSize = 12

// encoding is strict, so that there is one text for each id.
var encoding = base64.RawURLEncoding.Strict()

// leaseIDs turns the places of viewers in a channel's list into lease ids and
// back: the place and an HMAC-SHA-256 of it. A lease id is the permission to
// renew and to leave, and takes no memory.
type leaseIDs struct{ macs *sync.Pool }

func newLeaseIDs(channel string, key [32]byte) leaseIDs {
	derived := hmac.New(sha256.New, key[:])
	derived.Write([]byte(channel))
	own := derived.Sum(nil)
	return leaseIDs{&sync.Pool{New: func() any { return hmac.New(sha256.New, own) }}}
}

func (l leaseIDs) encode(id dstlist.ID) string {
	var b [8 + macSize]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	l.mac(b[:8], b[8:])
	return encoding.EncodeToString(b[:])
}

func (l leaseIDs) decode(s string) (dstlist.ID, bool) {
	b, err := encoding.DecodeString(s)
	if err != nil || len(b) != 8+macSize {
		return 0, false
	}
	var want [macSize]byte
	l.mac(b[:8], want[:])
	return dstlist.ID(binary.BigEndian.Uint64(b)), hmac.Equal(b[8:], want[:])
}

func (l leaseIDs) mac(message, dst []byte) {
	h := l.macs.Get().(hash.Hash)
	defer l.macs.Put(h)
	h.Reset()
	h.Write(message)
	var sum [sha256.Size]byte
	copy(dst, h.Sum(sum[:0]))
}
