package engine

import (
	"fmt"
	"slices"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// The layout says where each header field lives while a packet is processed.
//
// Fields of up to 64 bits have a slot in packet.w. Wider fields have an index
// into packet.off, which holds the offset of the value (big-endian) in
// packet.mem: into the received frame, or into a region of the field's own,
// its home. Offset 0 is a run of zeros, so that a cleared field needs no
// memory of its own.
//
// Slots are given out when compiled code first refers to a field (any
// instance of the type counts for all), so that what a program never touches
// is neither extracted nor deparsed: the header's raw bytes stand for it.

// maxHeaderBytes bounds a header; with it, a program's zero region.
const maxHeaderBytes = 1 << 14

// maxStateWords bounds what one packet context holds.
const maxStateWords = 1 << 20

type fieldLoc struct {
	name   string
	bits   int
	signed bool
	hdr    *headerDef
	bitOff int // in the header

	live bool
	slot int // in packet.w (bits <= 64) or packet.off
	home int // wide: offset of its home in packet.mem
}

func (f *fieldLoc) wide() bool { return f.bits > 64 }

func (f *fieldLoc) bytes() int { return (f.bits + 7) / 8 }

func (f *fieldLoc) String() string { return f.hdr.name + "." + f.name }

// headerType is shared by all instances of a header type.
type headerType struct {
	name    string
	bits    int
	live    []int // indexes of live fields
	named   []int // how often compiled code refers to each field
	written []bool
	insts   []*headerDef
}

// headerDef is a header or metadata instance.
type headerDef struct {
	name   string
	index  int // in packet.hdr; the validity word is packet.w[index]
	meta   bool
	typ    *headerType
	size   int // bytes
	fields []*fieldLoc
	byName map[string]int

	extractWords []wordMove
	loads        []loadChunk // what extractWords do, but for oddLoads
	oddLoads     []wordMove
	extractWide  []wideMove
	overlay      []overlayChunk
	overlaid     bool // overlay writes every byte of the header
	overlayWide  []wideMove
	clearSlots   []int
	whole        *wideMove // the one field of the header, if it is wide and written
}

// stackDef is a header stack.
type stackDef struct {
	name  string
	index int // in packet.next
	elems []*headerDef
	typ   *headerType
}

type layout struct {
	types   map[string]*headerType
	headers []*headerDef
	byName  map[string]*headerDef
	stacks  map[string]*stackDef
	stackAt []*stackDef
	aliases map[string]bmv2json.FieldRef

	bitsOf    []int   // of packet.w
	words     int     // of packet.w
	wides     int     // of packet.off
	wideBytes []int32 // of the fields in packet.off
	zeros     int     // bytes of the zero region
	homes     int     // end of the homes: where the frame starts
	closed    bool
}

func newLayout(j *bmv2json.Program) (*layout, error) {
	l := &layout{
		types: map[string]*headerType{}, byName: map[string]*headerDef{},
		stacks: map[string]*stackDef{}, aliases: map[string]bmv2json.FieldRef{},
	}
	if len(j.Unions) > 0 {
		return nil, unsupported("header union "+j.Unions[0].Name, j.Unions[0].Source)
	}
	if len(j.UnionStacks) > 0 {
		return nil, unsupported("header union stack "+j.UnionStacks[0].Name, j.UnionStacks[0].Source)
	}
	fields := map[string][]bmv2json.Field{}
	l.zeros = 64
	for _, t := range j.HeaderTypes {
		ht := &headerType{name: t.Name, written: make([]bool, len(t.Fields)), named: make([]int, len(t.Fields))}
		for _, f := range t.Fields {
			if f.Bits > maxHeaderBytes*8 {
				return nil, fmt.Errorf("header type %s: field %s is %d bits wide; the limit is %d", t.Name, f.Name, f.Bits, maxHeaderBytes*8)
			}
			ht.bits += f.Bits
		}
		l.types[t.Name], fields[t.Name] = ht, t.Fields
	}
	ids := map[int]*headerDef{}
	for _, h := range j.Headers {
		d, err := l.addHeader(h, fields[h.Type])
		if err != nil {
			return nil, err
		}
		ids[h.ID] = d
	}
	l.words = len(l.headers)
	l.homes = l.zeros
	for _, s := range j.Stacks {
		if err := l.addStack(s, ids); err != nil {
			return nil, err
		}
	}
	for _, a := range j.Aliases {
		l.aliases[a.Name] = a.Target
	}
	return l, nil
}

func (l *layout) addHeader(h bmv2json.Header, fields []bmv2json.Field) (*headerDef, error) {
	t := l.types[h.Type]
	if t == nil {
		return nil, fmt.Errorf("header %s: no header type %s", h.Name, h.Type)
	}
	if l.byName[h.Name] != nil {
		return nil, fmt.Errorf("header %s is declared twice", h.Name)
	}
	d := &headerDef{name: h.Name, index: len(l.headers), meta: h.Metadata, typ: t, byName: map[string]int{}}
	bit := 0
	for i, f := range fields {
		if f.Variable {
			return nil, unsupported(fmt.Sprintf("varbit field %s.%s", h.Name, f.Name), nil)
		}
		d.fields = append(d.fields, &fieldLoc{name: f.Name, bits: f.Bits, signed: f.Signed, hdr: d, bitOff: bit})
		d.byName[f.Name] = i
		bit += f.Bits
		l.zeros = max(l.zeros, (f.Bits+7)/8+16)
	}
	if !h.Metadata {
		if bit%8 != 0 {
			return nil, fmt.Errorf("header %s is %d bits long: want a multiple of 8", h.Name, bit)
		}
		if bit > maxHeaderBytes*8 {
			return nil, fmt.Errorf("header %s is %d bytes long; the limit is %d", h.Name, bit/8, maxHeaderBytes)
		}
		l.zeros = max(l.zeros, bit/8+16)
	}
	d.size = bit / 8
	t.insts = append(t.insts, d)
	l.headers = append(l.headers, d)
	l.byName[h.Name] = d
	return d, nil
}

func (l *layout) addStack(s bmv2json.Stack, ids map[int]*headerDef) error {
	d := &stackDef{name: s.Name, index: len(l.stackAt), typ: l.types[s.Type]}
	if len(s.Headers) == 0 {
		return fmt.Errorf("header stack %s has no elements", s.Name)
	}
	for _, id := range s.Headers {
		h := ids[id]
		if h == nil || h.typ != d.typ {
			return fmt.Errorf("header stack %s: element %d is not a header of type %s", s.Name, id, s.Type)
		}
		d.elems = append(d.elems, h)
	}
	l.stacks[s.Name] = d
	l.stackAt = append(l.stackAt, d)
	return nil
}

// close ends compilation: no more slots are given out, and the moves between
// frame and slots are made.
func (l *layout) close() error {
	l.closed = true
	if l.words+l.wides+l.homes/8 > maxStateWords {
		return fmt.Errorf("program needs %d words of packet state; the limit is %d", l.words+l.wides+l.homes/8, maxStateWords)
	}
	l.bitsOf = slices.Repeat([]int{64}, l.words)
	for _, h := range l.headers {
		l.bitsOf[h.index] = 1
		for _, i := range h.typ.live {
			f := h.fields[i]
			if f.wide() {
				m := newWideMove(f)
				h.extractWide = append(h.extractWide, m)
				if h.typ.written[i] {
					h.overlayWide = append(h.overlayWide, m)
				}
				continue
			}
			l.bitsOf[f.slot] = f.bits
			m := newWordMove(f)
			h.extractWords = append(h.extractWords, m)
			h.clearSlots = append(h.clearSlots, f.slot)
			if h.typ.written[i] {
				h.addOverlay(f)
			}
		}
		h.planLoads()
		h.overlaid = len(h.overlay)*8 >= h.size
		if len(h.overlayWide) == 1 && h.overlayWide[0].aligned && h.overlayWide[0].bytes == h.size {
			h.whole = &h.overlayWide[0]
		}
	}
	return nil
}
