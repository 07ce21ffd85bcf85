package engine

// Ranges of bits in bytes, the most significant bit first.

// widthMask is the mask of the low bits of a word.
func widthMask(bits int) uint64 {
	if bits >= 64 {
		return ^uint64(0)
	}
	return 1<<uint(bits) - 1
}

// getBits copies bits [shift, shift+bits) of src, right-aligned, to dst,
// which is as long as that many bits need.
func getBits(dst, src []byte, shift uint, bits int) {
	// Bit i of the value, counted from its end, is bit i of src counted from
	// the end of the field.
	endBit := int(shift) + bits
	last := (endBit - 1) / 8
	down := uint(7 - (endBit-1)%8)
	for i := len(dst) - 1; i >= 0; i-- {
		j := last - (len(dst) - 1 - i)
		var v uint16
		if j >= 0 {
			v = uint16(src[j])
		}
		if j > 0 {
			v |= uint16(src[j-1]) << 8
		}
		dst[i] = byte(v >> down)
	}
	if r := bits % 8; r != 0 {
		dst[0] &= 1<<r - 1
	}
}

// putBits is the inverse of getBits: it writes the low bits of src into dst
// at bit shift and leaves the bits around them.
func putBits(dst, src []byte, shift uint, bits int) {
	for i := range bits {
		from := len(src)*8 - bits + i
		bit := src[from/8] >> (7 - from%8) & 1
		to := int(shift) + i
		m := byte(0x80) >> (to % 8)
		if bit != 0 {
			dst[to/8] |= m
		} else {
			dst[to/8] &^= m
		}
	}
}

// appendBits appends bits [from, from+count) of src to buf, which holds n
// bits; unused bits of its last byte are zero.
func appendBits(buf []byte, n int, src []byte, from, count int) []byte {
	if n%8 == 0 && from%8 == 0 {
		src = src[from/8:]
		buf = append(buf, src[:(count+7)/8]...)
		if r := count % 8; r != 0 {
			buf[len(buf)-1] &= 0xff << (8 - r)
		}
		return buf
	}
	for i := range count {
		if (n+i)%8 == 0 {
			buf = append(buf, 0)
		}
		bit := src[(from+i)/8] >> (7 - (from+i)%8) & 1
		buf[(n+i)/8] |= bit << (7 - (n+i)%8)
	}
	return buf
}
