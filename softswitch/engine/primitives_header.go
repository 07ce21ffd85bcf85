package engine

import (
	"fmt"
)

// Primitives on headers and header stacks.

func (s *scope) primAssignHeader(o operands) (step, error) {
	dst, err := s.header(o[0])
	if err != nil {
		return nil, err
	}
	src, err := s.header(o[1])
	if err != nil {
		return nil, err
	}
	if a, b := dst.typeOf(), src.typeOf(); a != b {
		return nil, fmt.Errorf("header types differ: %s and %s", a.name, b.name)
	}
	g := s.gen()
	d, v := g.headerOf(dst), g.headerOf(src)
	return func(c *packet) {
		if to, from := d(c), v(c); to != nil && from != nil {
			c.copyHeader(to, from)
		}
	}, nil
}

func (r *hdrRef) typeOf() *headerType {
	if r.hdr != nil {
		return r.hdr.typ
	}
	return r.stack.typ
}

func (s *scope) primAssignStack(o operands) (step, error) {
	dst, err := s.stack(o[0])
	if err != nil {
		return nil, err
	}
	src, err := s.stack(o[1])
	if err != nil {
		return nil, err
	}
	if dst.typ != src.typ || len(dst.elems) != len(src.elems) {
		return nil, fmt.Errorf("header stacks %s and %s differ in type or size", dst.name, src.name)
	}
	return func(c *packet) {
		c.next[dst.index] = c.next[src.index]
		for i, e := range src.elems {
			c.copyHeader(dst.elems[i], e)
		}
	}, nil
}

func (s *scope) primAddHeader(o operands) (step, error) {
	r, err := s.header(o[0])
	if err != nil {
		return nil, err
	}
	hdr := s.gen().headerOf(r)
	return func(c *packet) {
		if h := hdr(c); h != nil && c.w[h.index] == 0 {
			c.setValid(h)
			c.length += h.size
		}
	}, nil
}

func (s *scope) primRemoveHeader(o operands) (step, error) {
	r, err := s.header(o[0])
	if err != nil {
		return nil, err
	}
	if h := r.hdr; h != nil {
		i := h.index
		return func(c *packet) {
			if c.w[i] != 0 {
				c.setInvalid(h)
				c.length -= h.size
			}
		}, nil
	}
	hdr := s.gen().headerOf(r)
	return func(c *packet) {
		if h := hdr(c); h != nil && c.w[h.index] != 0 {
			c.setInvalid(h)
			c.length -= h.size
		}
	}, nil
}

func (s *scope) stackAndCount(o operands) (*stackDef, wordFn, error) {
	d, err := s.stack(o[0])
	if err != nil {
		return nil, nil, err
	}
	n, err := s.data(o[1])
	if err != nil {
		return nil, nil, err
	}
	return d, s.gen().exactUint(n), nil
}

// primPush shifts elements towards the end and leaves the first n invalid.
func (s *scope) primPush(o operands) (step, error) {
	d, count, err := s.stackAndCount(o)
	if err != nil {
		return nil, err
	}
	return func(c *packet) {
		size := len(d.elems)
		n := int(min(count(c), uint64(size)))
		c.next[d.index] = min(size, c.next[d.index]+n)
		for i := size - 1; i >= n; i-- {
			c.copyHeader(d.elems[i], d.elems[i-n])
		}
		for _, h := range d.elems[:n] {
			c.setInvalid(h)
		}
	}, nil
}

// primPop shifts elements towards the start and leaves the last n invalid.
func (s *scope) primPop(o operands) (step, error) {
	d, count, err := s.stackAndCount(o)
	if err != nil {
		return nil, err
	}
	return func(c *packet) {
		size := len(d.elems)
		n := int(min(count(c), uint64(size)))
		c.next[d.index] = max(0, c.next[d.index]-n)
		for i := 0; i < size-n; i++ {
			c.copyHeader(d.elems[i], d.elems[i+n])
		}
		for _, h := range d.elems[size-n:] {
			c.setInvalid(h)
		}
	}, nil
}
