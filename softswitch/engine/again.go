package engine

// Packets that a packet becomes: clones, resubmitted and recirculated ones.

// again says whether a packet that c becomes may be processed.
func (d *Dataplane) again(c *packet) bool {
	if c.passes+1 >= d.cfg.MaxPasses {
		d.stats.DropPasses++
		return false
	}
	return true
}

// copyFields copies a field list between packets.
func (d *Dataplane) copyFields(to, from *packet, list int) {
	for _, f := range d.prog.fieldLists[list] {
		if !f.wide() {
			to.w[f.slot] = from.w[f.slot]
			continue
		}
		copy(to.mem[f.home:f.home+f.bytes()], from.mem[from.off[f.slot]:])
		to.off[f.slot] = int32(f.home)
	}
}

func (d *Dataplane) session(c *packet) *CloneSession {
	s := d.sessions[c.cloneSession]
	if s == nil {
		d.stats.DropNoSession++
		return nil
	}
	if !d.again(c) {
		return nil
	}
	return s
}

// cloneIngress clones the received packet, parsed afresh, to egress. As in
// simple_switch, of its metadata only the field list survives.
func (d *Dataplane) cloneIngress(c *packet) {
	s := d.session(c)
	if s == nil {
		return
	}
	n := d.take()
	n.load(c.received())
	n.begin(c.inPort)
	n.inLen, n.length, n.passes = c.inLen, c.end-c.frame, c.passes+1
	n.set(d.prog.std.ingressPort, uint64(c.inPort))
	d.parser.parse(n)
	n.resetMetadata()
	d.copyFields(n, c, c.cloneList)
	n.set(d.prog.std.instanceType, instIngressClone)
	d.pushClone(n, s)
}

// cloneEgress clones the packet as egress left it.
func (d *Dataplane) cloneEgress(c *packet) {
	s := d.session(c)
	if s == nil {
		return
	}
	n := d.take()
	n.copyFrom(c)
	n.passes, n.at = c.passes+1, nil
	n.resetMetadata()
	d.copyFields(n, c, c.cloneList)
	n.set(d.prog.std.instanceType, instEgressClone)
	d.pushClone(n, s)
}

func (d *Dataplane) pushClone(n *packet, s *CloneSession) {
	d.stats.Cloned++
	n.resetFlags()
	n.limit = int(s.PacketLength)
	d.egQueue.push(job{c: n, replicas: s.Replicas, copied: true})
}

func (d *Dataplane) resubmit(c *packet) {
	if !d.again(c) {
		d.release(c)
		return
	}
	n := d.take()
	n.load(c.received())
	d.restart(n, c, c.resubmitID, instResubmit)
	n.inLen, n.length = c.inLen, c.end-c.frame
	n.set(d.prog.std.packetLength, uint64(n.length))
	d.stats.Resubmitted++
	d.release(c)
	d.inQueue.push(n)
}

func (d *Dataplane) recirculate(c *packet, frame []byte) {
	if !d.again(c) {
		d.release(c)
		return
	}
	n := d.take()
	n.load(frame)
	d.restart(n, c, c.recircID, instRecirc)
	d.stats.Recirculated++
	d.release(c)
	d.inQueue.push(n)
}

// restart prepares n, whose frame is loaded, to go through ingress after c.
// Like simple_switch, it keeps ingress_port only if the field list does.
func (d *Dataplane) restart(n, c *packet, list int, instance uint64) {
	n.begin(c.inPort)
	n.passes = c.passes + 1
	d.copyFields(n, c, list)
	n.set(d.prog.std.instanceType, instance)
	n.set(d.prog.std.packetLength, uint64(n.length))
}
