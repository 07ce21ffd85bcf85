package engine

// deparsePlan is what is left of deparsing once it is known which headers can
// be valid.
type deparsePlan struct {
	update  []*checksumDef
	headers []plannedHeader
	size    int // of the headers that are certain
	certain bool
}

type plannedHeader struct {
	*headerDef
	certain bool
}

// plan returns the plan of packets that leave egress at b.
func (b *block) plan() *deparsePlan {
	if b.deparse != nil {
		return b.deparse
	}
	p := b.code.prog
	f := b.facts.unpack()
	plan := &deparsePlan{update: specialise(p.update, f), certain: true}
	for _, h := range p.deparser {
		valid, known := f.get(h.index)
		if known && valid == 0 {
			continue
		}
		plan.headers = append(plan.headers, plannedHeader{h, known})
		if known {
			plan.size += h.size
		}
		plan.certain = plan.certain && known
	}
	b.deparse = plan
	return plan
}

// deparse updates checksums and puts headers and payload together; the result
// is valid until the next call.
func (d *Dataplane) deparse(c *packet, plan *deparsePlan) ([]byte, bool) {
	for _, k := range plan.update {
		k.update(c)
	}
	size := plan.size
	if !plan.certain {
		for i := range plan.headers {
			if h := &plan.headers[i]; !h.certain && c.w[h.index] != 0 {
				size += h.size
			}
		}
	}
	payload := c.mem[c.pos:c.end]
	total := size + len(payload)
	if total > MaxFrame && min(total, c.trunc) > MaxFrame {
		return nil, false
	}
	if total+slack > len(d.out) {
		d.out = make([]byte, 2*(total+slack))
	}
	n := 0
	for i := range plan.headers {
		if h := &plan.headers[i]; h.certain || c.w[h.index] != 0 {
			c.emit(h.headerDef, d.out[n:])
			n += h.size
		}
	}
	n += copy(d.out[n:], payload)
	n = min(n, c.trunc)
	if c.limit > 0 {
		n = min(n, c.limit)
	}
	return d.out[:n], true
}
