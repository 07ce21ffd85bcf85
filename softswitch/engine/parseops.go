package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// parserOp compiles one operation of a parse state.
func (s *scope) parserOp(j *bmv2json.ParserOp, errs coreErrors) (parseOp, error) {
	want := map[string]int{"extract": 1, "set": 2, "verify": 2, "shift": 1, "advance": 1}
	if n, ok := want[j.Op]; ok && len(j.Params) != n {
		return nil, fmt.Errorf("%d parameters: want %d", len(j.Params), n)
	}
	switch j.Op {
	case "extract":
		return s.opExtract(j.Params[0], errs)
	case "set":
		return s.opSet(j.Params[0], j.Params[1], errs)
	case "verify":
		return s.opVerify(j.Params[0], j.Params[1])
	case "shift":
		return s.opAdvance(j.Params[0], 1, errs)
	case "advance":
		return s.opAdvance(j.Params[0], 8, errs)
	case "primitive":
		st, jp, err := s.primitive(j.Primitive)
		if err != nil {
			return nil, at(j.Primitive.Source, fmt.Errorf("primitive %s: %w", j.Primitive.Op, err))
		}
		if jp.target != nil {
			return nil, fmt.Errorf("jump in a parser: %w", ErrUnsupported)
		}
		return func(c *packet) bool {
			st(c)
			return true
		}, nil
	}
	return nil, ErrUnsupported
}

func (s *scope) opExtract(v *bmv2json.Value, errs coreErrors) (parseOp, error) {
	if v.Type == "stack" {
		return s.opExtractStack(v, errs)
	}
	if v.Type != "regular" {
		return nil, fmt.Errorf("extract to %s: %w", v.Type, ErrUnsupported)
	}
	h, err := s.p.layout.header(v.Name)
	if err != nil {
		return nil, err
	}
	if h.meta {
		return nil, fmt.Errorf("extract to metadata %s: %w", h.name, ErrUnsupported)
	}
	return func(c *packet) bool {
		if c.end-c.pos < h.size {
			c.parseErr = errs.tooShort
			return false
		}
		c.extract(h, c.pos)
		c.pos += h.size
		return true
	}, nil
}

func (s *scope) opExtractStack(v *bmv2json.Value, errs coreErrors) (parseOp, error) {
	d, err := s.stack(v)
	if err != nil {
		return nil, err
	}
	return func(c *packet) bool {
		i := c.next[d.index]
		if i >= len(d.elems) {
			c.parseErr = errs.stackRange
			return false
		}
		h := d.elems[i]
		if c.end-c.pos < h.size {
			c.parseErr = errs.tooShort
			return false
		}
		c.extract(h, c.pos)
		c.pos += h.size
		c.next[d.index]++
		return true
	}, nil
}

func (s *scope) opSet(to, from *bmv2json.Value, errs coreErrors) (parseOp, error) {
	dst, err := s.target(to)
	if err != nil {
		return nil, err
	}
	if from.Kind == bmv2json.KindLookahead {
		return s.opSetLookahead(dst, from, errs)
	}
	src, err := s.data(from)
	if err != nil {
		return nil, err
	}
	st := s.gen().assign(dst, src)
	return func(c *packet) bool {
		st(c)
		return true
	}, nil
}

func (s *scope) opSetLookahead(dst *node, from *bmv2json.Value, errs coreErrors) (parseOp, error) {
	look, err := newLookahead(from, errs)
	if err != nil {
		return nil, err
	}
	words := (from.Bits + 63) / 64
	if words == 1 {
		put := s.gen().assign(dst, fieldNode(s.p.result))
		slot := s.p.result.slot
		return func(c *packet) bool {
			if !look(c, c.w[slot:slot+1]) {
				return false
			}
			put(c)
			return true
		}, nil
	}
	if dst.op != "field" || !dst.field.wide() || !dst.field.hdr.meta {
		return nil, fmt.Errorf("lookahead of %d bits into %s: %w", from.Bits, dst.op, ErrUnsupported)
	}
	f := dst.field
	n := max(words, (f.bits+63)/64)
	s.p.tmpWords = max(s.p.tmpWords, n)
	return func(c *packet) bool {
		t := c.tmp[:n]
		clear(t[words:])
		if !look(c, t[:words]) {
			return false
		}
		storeWords(c.mem[f.home:f.home+f.bytes()], t, f.bits)
		c.off[f.slot] = int32(f.home)
		return true
	}, nil
}

func (s *scope) opVerify(cond, code *bmv2json.Value) (parseOp, error) {
	b, err := s.truth(cond)
	if err != nil {
		return nil, err
	}
	e, err := s.data(code)
	if err != nil {
		return nil, err
	}
	g := s.gen()
	ok, err2 := g.truth(b), g.word(e)
	return func(c *packet) bool {
		if ok(c) {
			return true
		}
		c.parseErr = err2(c)
		return false
	}, nil
}

// opAdvance skips a number of units of bytes (1) or bits (8 to a byte).
func (s *scope) opAdvance(v *bmv2json.Value, unit uint64, errs coreErrors) (parseOp, error) {
	n, err := s.data(v)
	if err != nil {
		return nil, err
	}
	x := s.gen().exactUint(n)
	return func(c *packet) bool {
		k := x(c)
		if k%unit != 0 {
			c.parseErr = errs.badArgument
			return false
		}
		if k /= unit; k > uint64(c.end-c.pos) {
			c.parseErr = errs.tooShort
			return false
		}
		c.pos += int(k)
		return true
	}, nil
}
