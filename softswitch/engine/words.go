package engine

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// Numbers of several words, in two's complement, the least significant word
// first. An operation leaves the result modulo 2^(64·len(dst)) in dst.

// loadWords reads a big-endian number into dst and extends it.
func loadWords(dst []uint64, b []byte, width int, signed bool) {
	i := 0
	for ; i < len(dst) && len(b) >= 8; i++ {
		dst[i] = binary.BigEndian.Uint64(b[len(b)-8:])
		b = b[:len(b)-8]
	}
	if i < len(dst) {
		var v uint64
		for _, x := range b {
			v = v<<8 | uint64(x)
		}
		dst[i] = v
		clear(dst[i+1:])
	}
	if signed {
		extendFrom(dst, width)
	}
}

// storeWords writes the low bits of w to b, big-endian; width is the width of
// b's number in bits.
func storeWords(b []byte, w []uint64, width int) {
	for i := len(b) - 1; i >= 0; {
		v := w[(len(b)-1-i)/8]
		for k := 0; k < 8 && i >= 0; k, i = k+1, i-1 {
			b[i] = byte(v >> (8 * k))
		}
	}
	if r := width % 8; r != 0 {
		b[0] &= 1<<r - 1
	}
}

// constWords is v in the given number of words.
func constWords(v *big.Int, words int) []uint64 {
	k := make([]uint64, words)
	for i := range k {
		k[i] = lowWord(new(big.Int).Rsh(v, uint(64*i)))
	}
	return k
}

// extendFrom makes bit width-1 the sign of dst.
func extendFrom(dst []uint64, width int) {
	i := (width - 1) / 64
	if i >= len(dst) {
		return
	}
	dst[i] = signExtend(dst[i], (width-1)%64+1)
	fill(dst[i+1:], dst[i])
}

// fill extends the sign of v over dst.
func fill(dst []uint64, v uint64) {
	s := uint64(int64(v) >> 63)
	for i := range dst {
		dst[i] = s
	}
}

func addWords(dst, b []uint64) {
	var carry uint64
	for i := range dst {
		dst[i], carry = bits.Add64(dst[i], b[i], carry)
	}
}

func subWords(dst, b []uint64) {
	var borrow uint64
	for i := range dst {
		dst[i], borrow = bits.Sub64(dst[i], b[i], borrow)
	}
}

func andWords(dst, b []uint64) {
	for i := range dst {
		dst[i] &= b[i]
	}
}

func orWords(dst, b []uint64) {
	for i := range dst {
		dst[i] |= b[i]
	}
}

func xorWords(dst, b []uint64) {
	for i := range dst {
		dst[i] ^= b[i]
	}
}

// mulWords sets dst to a·b modulo 2^(64·len(dst)).
func mulWords(dst, a, b []uint64) {
	clear(dst)
	for i, x := range a {
		var carry uint64
		for j := 0; i+j < len(dst); j++ {
			hi, lo := bits.Mul64(x, b[j])
			var c1, c2 uint64
			lo, c1 = bits.Add64(lo, carry, 0)
			dst[i+j], c2 = bits.Add64(dst[i+j], lo, 0)
			carry = hi + c1 + c2
		}
	}
}

// cmpWords compares two's complements of the same length.
func cmpWords(a, b []uint64) int {
	i := len(a) - 1
	if a[i] != b[i] {
		if int64(a[i]) < int64(b[i]) {
			return -1
		}
		return 1
	}
	for i--; i >= 0; i-- {
		if a[i] != b[i] {
			if a[i] < b[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func shlWords(w []uint64, k uint64) {
	if k >= uint64(len(w))*64 {
		clear(w)
		return
	}
	skip, sh := int(k/64), k%64
	for i := len(w) - 1; i >= 0; i-- {
		var v uint64
		if j := i - skip; j >= 0 {
			v = w[j] << sh
			if j > 0 && sh > 0 {
				v |= w[j-1] >> (64 - sh)
			}
		}
		w[i] = v
	}
}

// shrWords sets dst to src shifted right by k, sign-extended.
func shrWords(dst, src []uint64, k uint64) {
	sign := uint64(int64(src[len(src)-1]) >> 63)
	at := func(i uint64) uint64 {
		if i < uint64(len(src)) {
			return src[i]
		}
		return sign
	}
	skip, sh := k/64, k%64
	for i := range dst {
		v := at(skip + uint64(i))
		if sh > 0 {
			v = v>>sh | at(skip+uint64(i)+1)<<(64-sh)
		}
		dst[i] = v
	}
}
