package engine

import (
	"cmp"
	"slices"
)

// How the fields of a header come out of its bytes and go back into them,
// planned when the layout is closed.

// wordMove moves a field of up to 64 bits from a header's bytes to its slot:
// the value is the bits [shl, shl+bits) of the 8 bytes at off, or, if
// they do not hold it all, of those and the ninth.
type wordMove struct {
	slot     int
	off      int
	shl, shr uint
	mask     uint64
	ninth    uint // bits in the ninth byte
}

func newWordMove(f *fieldLoc) wordMove {
	m := wordMove{slot: f.slot, off: f.bitOff / 8, shl: uint(f.bitOff % 8), shr: uint(64 - f.bits), mask: widthMask(f.bits)}
	if n := f.bitOff%8 + f.bits; n > 64 {
		m.ninth = uint(n - 64)
	}
	return m
}

// loadChunk is 8 bytes of a header and the fields that are read from them.
type loadChunk struct {
	off    int
	pieces []loadPiece
}

// loadPiece is the 64-shr bits of a chunk from bit shl on.
type loadPiece struct {
	slot     int
	shl, shr uint
}

// planLoads groups the fields that one load of 8 bytes can serve.
func (h *headerDef) planLoads() {
	moves := slices.SortedFunc(slices.Values(h.extractWords), func(a, b wordMove) int {
		return cmp.Compare(uint(a.off)*8+a.shl, uint(b.off)*8+b.shl)
	})
	for _, m := range moves {
		if m.ninth != 0 {
			h.oddLoads = append(h.oddLoads, m)
			continue
		}
		n := len(h.loads)
		if n == 0 || m.off*8+int(m.shl)+64-int(m.shr) > h.loads[n-1].off*8+64 {
			h.loads = append(h.loads, loadChunk{off: m.off})
			n++
		}
		k := &h.loads[n-1]
		k.pieces = append(k.pieces, loadPiece{m.slot, uint(m.off-k.off)*8 + m.shl, m.shr})
	}
}

// overlayChunk is 8 bytes of a header in which the deparser replaces the bits
// of mask by the pieces: one load and one store, however many fields.
type overlayChunk struct {
	off    int
	mask   uint64
	pieces []overlayPiece
}

// overlayPiece places a field, or the part of it that is in the chunk. One of
// the shifts is 0.
type overlayPiece struct {
	slot     int
	shl, shr uint
}

// addOverlay adds a field of up to 64 bits to the one or two chunks it is in.
func (h *headerDef) addOverlay(f *fieldLoc) {
	end := f.bitOff + f.bits
	for off := f.bitOff / 64 * 8; off*8 < end; off += 8 {
		i := slices.IndexFunc(h.overlay, func(c overlayChunk) bool { return c.off == off })
		if i < 0 {
			i = len(h.overlay)
			h.overlay = append(h.overlay, overlayChunk{off: off})
		}
		c := &h.overlay[i]
		ones, piece := widthMask(f.bits), overlayPiece{slot: f.slot}
		if d := off*8 + 64 - end; d >= 0 {
			piece.shl = uint(d)
			ones <<= piece.shl
		} else {
			piece.shr = uint(-d)
			ones >>= piece.shr
		}
		c.mask |= ones
		c.pieces = append(c.pieces, piece)
	}
}

// wideMove moves a field of more than 64 bits.
type wideMove struct {
	slot, home int
	off        int // of the first byte
	shift      uint
	bits       int
	bytes      int
	aligned    bool // starts and ends on byte boundaries
}

func newWideMove(f *fieldLoc) wideMove {
	return wideMove{
		slot: f.slot, home: f.home, off: f.bitOff / 8, shift: uint(f.bitOff % 8), bits: f.bits, bytes: f.bytes(),
		aligned: f.bitOff%8 == 0 && f.bits%8 == 0,
	}
}
