package engine

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// The algorithms of calculations, over bytes.

var algorithms = map[string]func([]byte) uint64{
	"csum16":       func(b []byte) uint64 { return uint64(csum16(b)) },
	"cksum16":      func(b []byte) uint64 { return uint64(csum16(b)) },
	"crc32":        func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) },
	"crc32_custom": func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) }, // bmv2's initial configuration
	"crc16":        func(b []byte) uint64 { return uint64(crc16(b)) },
	"crc16_custom": func(b []byte) uint64 { return uint64(crc16(b)) },
	"crcCCITT":     func(b []byte) uint64 { return uint64(crcCCITT(b)) },
	"xor16":        func(b []byte) uint64 { return uint64(xor16(b)) },
	"identity":     identity,
}

// csum16 is the Internet checksum.
func csum16(b []byte) uint16 {
	var sum, carry uint64
	for len(b) >= 32 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), 0)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[24:]), carry)
		sum += carry // cannot overflow: a sum with carry is below its maximum
		b = b[32:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), 0)
		sum += carry
		b = b[8:]
	}
	var tail [8]byte
	copy(tail[:], b)
	sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(tail[:]), 0)
	sum += carry
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum)
}

// crc16 is CRC-16/ARC: polynomial 0x8005, reflected.
func crc16(b []byte) uint16 {
	var r uint16
	for _, x := range b {
		r = r>>8 ^ crc16Table[byte(r)^x]
	}
	return r
}

// crcCCITT is CRC-16/IBM-3740: polynomial 0x1021 from 0xffff.
func crcCCITT(b []byte) uint16 {
	r := uint16(0xffff)
	for _, x := range b {
		r = r<<8 ^ ccittTable[byte(r>>8)^x]
	}
	return r
}

var crc16Table, ccittTable = crcTables()

func crcTables() (reflected, ccitt [256]uint16) {
	for i := range 256 {
		r, n := uint16(i), uint16(i)<<8
		for range 8 {
			if r&1 != 0 {
				r = r>>1 ^ 0xa001
			} else {
				r >>= 1
			}
			if n&0x8000 != 0 {
				n = n<<1 ^ 0x1021
			} else {
				n <<= 1
			}
		}
		reflected[i], ccitt[i] = r, n
	}
	return reflected, ccitt
}

func xor16(b []byte) uint16 {
	var x uint16
	for ; len(b) >= 2; b = b[2:] {
		x ^= binary.BigEndian.Uint16(b)
	}
	if len(b) == 1 {
		x ^= uint16(b[0]) << 8
	}
	return x
}

// identity is the first 8 bytes as a number.
func identity(b []byte) uint64 {
	var v uint64
	for _, x := range b[:min(8, len(b))] {
		v = v<<8 | uint64(x)
	}
	return v
}
