package p4rtserver

import (
	"bytes"
	"math/bits"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// canonical is the shortest string for a big-endian value: no leading zeros,
// and one zero byte for zero. It aliases its argument.
func canonical(v []byte) []byte {
	v = bytes.TrimLeft(v, "\x00")
	if len(v) == 0 {
		return []byte{0}
	}
	return v
}

// bitLen is the number of bits a big-endian value needs.
func bitLen(v []byte) int {
	v = bytes.TrimLeft(v, "\x00")
	if len(v) == 0 {
		return 0
	}
	return (len(v)-1)*8 + bits.Len8(v[0])
}

// parseValue accepts any length of string whose number fits in width bits, and
// returns it in as many bytes as the width needs. what names the field.
func parseValue(what string, v []byte, width int) ([]byte, error) {
	if len(v) == 0 {
		return nil, status.Errorf(codes.InvalidArgument, "%s is an empty string: zero is one zero byte", what)
	}
	if n := bitLen(v); n > width {
		return nil, status.Errorf(codes.InvalidArgument, "%s is %#x, which needs %d bits: it has %d", what, []byte(canonical(v)), n, width)
	}
	size := (width + 7) / 8
	out := make([]byte, size)
	if len(v) > size {
		v = v[len(v)-size:]
	}
	copy(out[size-len(v):], v)
	return out, nil
}

// pad returns v in size bytes; what the engine reads back may be shorter or
// longer.
func pad(v []byte, size int) []byte {
	if len(v) >= size {
		return v[len(v)-size:]
	}
	return append(make([]byte, size-len(v), size), v...)
}

// prefixMask is width bits of which the first n are ones.
func prefixMask(width, n int) []byte {
	mask := make([]byte, (width+7)/8)
	skip := len(mask)*8 - width
	for i := skip; i < skip+n; i++ {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return mask
}

// within reports whether v has no bit outside mask; both have the same length.
func within(v, mask []byte) bool {
	for i := range v {
		if v[i]&^mask[i] != 0 {
			return false
		}
	}
	return true
}

func isZero(v []byte) bool { return bitLen(v) == 0 }
