package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

type operands = []*bmv2json.Value

// primitiveDef compiles one kind of primitive with a fixed number of operands.
type primitiveDef struct {
	params int
	fn     func(*scope, operands) (step, error)
}

// primitives are those of simple_switch and of bmv2's core.
var primitives = map[string]primitiveDef{
	"assign":                              {2, (*scope).primAssign},
	"modify_field":                        {2, (*scope).primAssign},
	"add_to_field":                        {2, binaryTo("+", true)},
	"subtract_from_field":                 {2, binaryTo("-", true)},
	"add":                                 {3, binaryTo("+", false)},
	"subtract":                            {3, binaryTo("-", false)},
	"bit_and":                             {3, binaryTo("&", false)},
	"bit_or":                              {3, binaryTo("|", false)},
	"bit_xor":                             {3, binaryTo("^", false)},
	"shift_left":                          {3, binaryTo("<<", false)},
	"shift_right":                         {3, binaryTo(">>", false)},
	"assign_header":                       {2, (*scope).primAssignHeader},
	"copy_header":                         {2, (*scope).primAssignHeader},
	"assign_header_stack":                 {2, (*scope).primAssignStack},
	"add_header":                          {1, (*scope).primAddHeader},
	"remove_header":                       {1, (*scope).primRemoveHeader},
	"push":                                {2, (*scope).primPush},
	"pop":                                 {2, (*scope).primPop},
	"exit":                                {0, func(*scope, operands) (step, error) { return func(c *packet) { c.exit = true }, nil }},
	"no_op":                               {0, func(*scope, operands) (step, error) { return noop, nil }},
	"drop":                                {0, func(s *scope, _ operands) (step, error) { return s.dropStep(), nil }},
	"mark_to_drop":                        {1, func(s *scope, _ operands) (step, error) { return s.dropStep(), nil }},
	"register_read":                       {3, (*scope).primRegisterRead},
	"register_write":                      {3, (*scope).primRegisterWrite},
	"count":                               {2, (*scope).primCount},
	"execute_meter":                       {3, (*scope).primMeter},
	"truncate":                            {1, (*scope).primTruncate},
	"generate_digest":                     {2, (*scope).primDigest},
	"resubmit":                            {1, (*scope).primResubmit},
	"recirculate":                         {1, (*scope).primRecirculate},
	"modify_field_rng_uniform":            {3, (*scope).primRandom},
	"clone_ingress_pkt_to_egress":         {2, (*scope).primClone},
	"clone_egress_pkt_to_egress":          {2, (*scope).primClone},
	"modify_field_with_hash_based_offset": {4, (*scope).primHash},
}

func (s *scope) primAssign(o operands) (step, error) {
	dst, err := s.target(o[0])
	if err != nil {
		return nil, err
	}
	src, err := s.data(o[1])
	if err != nil {
		return nil, err
	}
	return s.gen().assign(dst, src), nil
}

// binaryTo makes dst = a op b, or dst = dst op a.
func binaryTo(op string, inPlace bool) func(*scope, operands) (step, error) {
	return func(s *scope, o operands) (step, error) {
		l, r := o[0], o[1]
		if !inPlace {
			l, r = o[1], o[2]
		}
		dst, err := s.target(o[0])
		if err != nil {
			return nil, err
		}
		src, err := s.operation(&bmv2json.Value{Kind: bmv2json.KindOp, Op: op, Left: l, Right: r})
		if err != nil {
			return nil, err
		}
		return s.gen().assign(dst, src), nil
	}
}

func (s *scope) dropStep() step {
	m := &s.p.std
	return func(c *packet) {
		c.w[m.egressSpec.slot] = uint64(c.dp.cfg.DropPort) & widthMask(m.egressSpec.bits)
		c.set(m.mcastGrp, 0)
	}
}

func (s *scope) primTruncate(o operands) (step, error) {
	n, err := s.data(o[0])
	if err != nil {
		return nil, err
	}
	x := s.gen().exactUint(n)
	return func(c *packet) {
		if v := x(c); v < uint64(c.trunc) {
			c.trunc = int(v)
		}
	}, nil
}

// constID resolves the id of a field list.
func (s *scope) constID(v *bmv2json.Value, what string, known func(int) bool) (int, error) {
	n, err := s.data(v)
	if err != nil {
		return 0, err
	}
	if n.op != "const" || !n.val.IsInt64() || n.val.Int64() > 0xffff || n.val.Sign() < 0 {
		return 0, fmt.Errorf("%s id must be a constant from 0 to 65535", what)
	}
	id := int(n.val.Int64())
	if id != 0 && !known(id) {
		return 0, fmt.Errorf("no %s with id %d", what, id)
	}
	return id, nil
}

func (s *scope) fieldList(v *bmv2json.Value) (int, error) {
	return s.constID(v, "field list", func(id int) bool { return s.p.fieldLists[id] != nil })
}

func (s *scope) primDigest(o operands) (step, error) {
	id, err := s.constID(o[1], "learn list", func(id int) bool { return s.p.digestByID[id] != nil })
	if err != nil {
		return nil, err
	}
	return func(c *packet) { c.digestID = id }, nil
}

func (s *scope) primResubmit(o operands) (step, error) {
	id, err := s.fieldList(o[0])
	if err != nil {
		return nil, err
	}
	return func(c *packet) { c.resubmitID = id }, nil
}

func (s *scope) primRecirculate(o operands) (step, error) {
	id, err := s.fieldList(o[0])
	if err != nil {
		return nil, err
	}
	return func(c *packet) { c.recircID = id }, nil
}

// primClone asks for a clone at the end of the running pipeline. Sessions are
// 15 bits wide in simple_switch.
func (s *scope) primClone(o operands) (step, error) {
	session, err := s.data(o[0])
	if err != nil {
		return nil, err
	}
	id, err := s.fieldList(o[1])
	if err != nil {
		return nil, err
	}
	x := s.gen().word(session)
	return func(c *packet) {
		c.cloneSet, c.cloneSession, c.cloneList = true, uint32(x(c)&0x7fff), id
	}, nil
}

func (s *scope) primRandom(o operands) (step, error) {
	dst, lo, hi, err := s.targetAndTwo(o[0], o[1], o[2])
	if err != nil {
		return nil, err
	}
	return s.storeUnless(dst, func(c *packet) (uint64, bool) {
		a, b := lo(c), hi(c)
		if a > b {
			return 0, false
		}
		return a + c.dp.random(b-a), true
	}), nil
}

func (s *scope) primHash(o operands) (step, error) {
	dst, base, size, err := s.targetAndTwo(o[0], o[1], o[3])
	if err != nil {
		return nil, err
	}
	calc := s.p.calcs[o[2].Name]
	if calc == nil {
		return nil, fmt.Errorf("no calculation %q", o[2].Name)
	}
	return s.storeUnless(dst, func(c *packet) (uint64, bool) {
		n := size(c)
		if n == 0 {
			n = 1
		}
		return calc.output(c)%n + base(c), true
	}), nil
}

func (s *scope) targetAndTwo(t, a, b *bmv2json.Value) (*node, wordFn, wordFn, error) {
	dst, err := s.target(t)
	if err != nil {
		return nil, nil, nil, err
	}
	x, err := s.data(a)
	if err != nil {
		return nil, nil, nil, err
	}
	y, err := s.data(b)
	if err != nil {
		return nil, nil, nil, err
	}
	g := s.gen()
	return dst, g.word(x), g.exactUint(y), nil
}

// storeUnless stores what get returns, unless it says no.
func (s *scope) storeUnless(dst *node, get func(*packet) (uint64, bool)) step {
	slot := s.p.result.slot
	put := s.gen().assign(dst, fieldNode(s.p.result))
	return func(c *packet) {
		r, ok := get(c)
		if ok {
			c.w[slot] = r
			put(c)
		}
	}
}
