package engine

// The traffic manager: what simple_switch does around the pipelines. A
// received packet and all packets that it becomes are processed before the
// next one: first those waiting for egress, in order, then those that are to
// go through ingress again.

// job is a packet on its way to egress: to one port, or a copy to each replica.
type job struct {
	c        *packet
	port     uint32
	replicas []Replica
	copied   bool // replicas is meant, even if empty
}

// timeBatch is for how many packets of a batch time stands still.
const timeBatch = 32

// Process runs one received frame to completion and calls out for each frame
// that leaves, in order.
func (d *Dataplane) Process(inPort uint32, frame []byte, out Emit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.emit, d.timeKept = out, false
	d.processLocked(inPort, frame)
	d.emit = nil
}

// ProcessBatch is Process for each frame in order, under one lock.
func (d *Dataplane) ProcessBatch(inPort uint32, frames [][]byte, out Emit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.emit = out
	for i, f := range frames {
		if i%timeBatch == 0 {
			d.timeKept = false
		}
		d.processLocked(inPort, f)
	}
	d.emit = nil
}

// processLocked is the boundary at which an engine bug ends: the packet is
// lost and counted.
func (d *Dataplane) processLocked(inPort uint32, frame []byte) {
	finished := false
	defer func() {
		if finished {
			return
		}
		if recover() != nil {
			d.stats.Panics++
			d.inQueue.reset()
			d.egQueue.reset()
		}
	}()
	d.stats.Received++
	d.stats.ReceivedBytes += uint64(len(frame))
	if len(frame) > MaxFrame {
		d.stats.DropTooLong++
		finished = true
		return
	}
	d.copies = 0
	c := d.take()
	c.load(frame)
	c.begin(inPort)
	c.passes = 0
	c.set(d.prog.std.ingressPort, uint64(inPort))
	c.set(d.prog.std.packetLength, uint64(c.length))
	if f := d.prog.std.ingressTime; f != nil && f.live {
		c.set(f, d.micros())
	}
	d.ingress(c)
	d.drain()
	finished = true
}

// begin makes a context whose frame is loaded ready for ingress.
func (c *packet) begin(inPort uint32) {
	c.reset()
	c.inPort, c.inLen, c.length = inPort, c.end-c.frame, c.end-c.frame
	c.limit = 0
}

func (d *Dataplane) drain() {
	for {
		if j, ok := d.egQueue.pop(); ok {
			d.runJob(&j)
			continue
		}
		c, ok := d.inQueue.pop()
		if !ok {
			return
		}
		d.ingress(c)
	}
}

func (d *Dataplane) take() *packet {
	if n := len(d.free); n > 0 {
		c := d.free[n-1]
		d.free = d.free[:n-1]
		return c
	}
	return newPacket(d)
}

func (d *Dataplane) release(c *packet) { d.free = append(d.free, c) }

// runJob sends a packet through egress. All but the last replica are copies.
func (d *Dataplane) runJob(j *job) {
	if !j.copied {
		d.egress(j.c, j.port)
		return
	}
	std := &d.prog.std
	for i, r := range j.replicas {
		if d.copies++; d.copies > d.cfg.MaxCopies {
			d.stats.DropCopies += uint64(len(j.replicas) - i)
			break
		}
		d.stats.Replicated++
		c := j.c
		if i < len(j.replicas)-1 {
			c = d.take()
			c.copyFrom(j.c)
		} else {
			c.asReplica()
			j.c = nil
		}
		c.set(std.egressRid, uint64(r.Instance))
		d.egress(c, r.Port)
	}
	if j.c != nil {
		d.release(j.c)
	}
}

func (d *Dataplane) ingress(c *packet) {
	std := &d.prog.std
	end := d.parser.parse(c)
	c.set(std.parserError, c.parseErr)
	if c.sumErr {
		c.set(std.checksumError, 1)
	} else {
		c.set(std.checksumError, 0)
	}
	c.at = end.start.run(c)

	spec, group := c.get(std.egressSpec), c.get(std.mcastGrp)
	if c.cloneSet {
		d.cloneIngress(c)
	}
	if c.digestID != 0 {
		d.digest(c)
	}
	switch {
	case c.resubmitID != 0:
		d.resubmit(c)
	case group != 0:
		c.set(std.instanceType, instReplication)
		g := d.groups[uint32(group)]
		if g == nil {
			d.stats.DropNoGroup++
			d.release(c)
			return
		}
		d.egQueue.push(job{c: c, replicas: g.Replicas, copied: true})
	case spec == uint64(d.cfg.DropPort):
		d.stats.DropIngress++
		d.release(c)
	default:
		c.set(std.instanceType, instNormal)
		d.egQueue.push(job{c: c, port: uint32(spec)})
	}
}

// received is the frame as it came, or what truncate left of it.
func (c *packet) received() []byte {
	return c.mem[c.frame : c.frame+min(c.end-c.frame, c.trunc)]
}

// payload is what the parser left, or what truncate left of that.
func (c *packet) payload() []byte {
	return c.mem[c.pos : c.pos+min(c.end-c.pos, c.trunc)]
}

func (d *Dataplane) egress(c *packet, port uint32) {
	std := &d.prog.std
	if f := std.egressTime; f != nil && f.live {
		c.set(f, d.micros())
	}
	if f := std.enqTime; f != nil && f.live {
		c.set(f, d.micros())
	}
	c.set(std.egressPort, uint64(port))
	c.set(std.egressSpec, uint64(d.cfg.DropPort)+1)
	c.set(std.packetLength, uint64(max(0, c.length)))
	c.cloneSet = false
	start := d.anyEgress
	if c.at != nil {
		start = c.at.goOn(d.egressCode)
	}
	end := start.run(c)

	if c.cloneSet {
		d.cloneEgress(c)
	}
	if c.get(std.egressSpec) == uint64(d.cfg.DropPort) {
		d.stats.DropEgress++
		d.release(c)
		return
	}
	frame, ok := d.deparse(c, end.plan())
	if !ok {
		d.stats.DropTooLong++
		d.release(c)
		return
	}
	if c.recircID != 0 {
		d.recirculate(c, frame)
		return
	}
	d.stats.Emitted++
	d.stats.EmittedBytes += uint64(len(frame))
	d.emit(port, frame)
	d.release(c)
}

// digest sends the fields of a learn list, without ever waiting.
func (d *Dataplane) digest(c *packet) {
	def := d.prog.digestByID[c.digestID]
	if len(d.digests) == cap(d.digests) {
		d.stats.DigestsDropped++
		return
	}
	msg := Digest{Name: def.info.Name, ID: def.info.ID, At: d.cfg.Now()}
	for _, f := range def.fields {
		b := make([]byte, f.bytes())
		if f.wide() {
			copy(b, c.mem[c.off[f.slot]:])
		} else {
			storeWords(b, c.w[f.slot:f.slot+1], f.bits)
		}
		msg.Fields = append(msg.Fields, b)
	}
	d.digests <- msg // only this side sends, under mu: there is room
	d.stats.Digests++
}
