package engine

import (
	"encoding/binary"
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Transition keys.

// keyLoad loads one component of a transition key.
type keyLoad struct {
	fn    func(c *packet, dst []uint64) bool
	words int
	bytes int
	field *fieldLoc // nil: not a plain field
}

func (s *scope) keyLoad(v *bmv2json.Value, errs coreErrors) (keyLoad, error) {
	if v.Kind == bmv2json.KindLookahead {
		look, err := newLookahead(v, errs)
		if err != nil {
			return keyLoad{}, err
		}
		return keyLoad{fn: look, words: (v.Bits + 63) / 64, bytes: (v.Bits + 7) / 8}, nil
	}
	n, err := s.data(v)
	if err != nil {
		return keyLoad{}, err
	}
	if n.op != "field" && n.op != "member" {
		return keyLoad{}, fmt.Errorf("key of type %s: %w", v.Type, ErrUnsupported)
	}
	width := 0
	if n.op == "field" {
		width = n.field.bits
	} else {
		width = n.hdr.stack.elems[0].fields[n.member].bits
	}
	g := s.gen()
	if width <= 64 {
		x, mask := g.word(n), widthMask(width)
		return keyLoad{words: 1, bytes: (width + 7) / 8, field: n.field, fn: func(c *packet, dst []uint64) bool {
			dst[0] = x(c) & mask
			return true
		}}, nil
	}
	words := (width + 63) / 64
	x := g.wide(n, words)
	return keyLoad{words: words, bytes: (width + 7) / 8, fn: func(c *packet, dst []uint64) bool {
		x(c, dst)
		return true
	}}, nil
}

// newLookahead reads bits ahead of the parser without consuming them.
func newLookahead(v *bmv2json.Value, errs coreErrors) (func(*packet, []uint64) bool, error) {
	if v.Bits < 1 || v.Bits > maxHeaderBytes*8 || v.Offset < 0 || v.Offset > maxHeaderBytes*8 {
		return nil, fmt.Errorf("lookahead of %d bits at %d is out of range", v.Bits, v.Offset)
	}
	need, off, shift, width := (v.Offset+v.Bits+7)/8, v.Offset/8, uint(v.Offset%8), v.Bits
	if int(shift)+width <= 64 {
		shr := uint(64 - width)
		return func(c *packet, dst []uint64) bool {
			if c.end-c.pos < need {
				c.parseErr = errs.tooShort
				return false
			}
			dst[0] = binary.BigEndian.Uint64(c.mem[c.pos+off:]) << shift >> shr
			return true
		}, nil
	}
	return func(c *packet, dst []uint64) bool {
		if c.end-c.pos < need {
			c.parseErr = errs.tooShort
			return false
		}
		buf := c.dp.hdrBuf[:(width+7)/8]
		getBits(buf, c.mem[c.pos+off:], shift, width)
		loadWords(dst, buf, width, false)
		return true
	}, nil
}
