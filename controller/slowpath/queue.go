package slowpath

import "time"

const (
	// maxQueued bounds the packets that wait for one mapping, one stream or one
	// neighbor.
	maxQueued = 64
	// maxHeld bounds the bytes of all packets that wait.
	maxHeld = 8 << 20
)

// queued is a packet as it came in.
type queued struct {
	port  uint16
	frame []byte
}

// waiting is packets that go on when the switch holds version.
type waiting struct {
	version uint64
	until   time.Time
	packets []queued
}

// hold queues a packet, if there is room. Whoever takes packets out of a queue
// releases them.
func (p *Path) hold(queue *[]queued, k *packet) {
	switch {
	case len(*queue) >= maxQueued:
		p.count("queue_full")
	case p.held+len(k.frame) > maxHeld:
		p.count("queues_full")
	default:
		p.held += len(k.frame)
		*queue = append(*queue, queued{k.port, k.frame})
		p.count("queued")
	}
}

func (p *Path) release(packets []queued) {
	for _, q := range packets {
		p.held -= len(q.frame)
	}
}

// await has packets that are held go on when the switch holds version.
func (p *Path) await(now time.Time, version uint64, packets []queued) {
	if len(packets) > 0 {
		p.waiting = append(p.waiting, waiting{version, now.Add(p.opts.ResolveTimeout), packets})
	}
}

// Installed says that the switch holds all changes up to version; 0 that it is
// not known to hold any.
func (p *Path) Installed(version uint64) {
	p.installed = version
	rest := p.waiting[:0]
	for _, w := range p.waiting {
		if w.version > version {
			rest = append(rest, w)
			continue
		}
		p.release(w.packets)
		for _, q := range w.packets {
			p.count("reinjected")
			p.do.Receive(q.port, q.frame)
		}
	}
	clear(p.waiting[len(rest):])
	p.waiting = rest
}

// tickWaiting gives up packets whose change the switch does not take.
func (p *Path) tickWaiting(now time.Time) {
	rest := p.waiting[:0]
	for _, w := range p.waiting {
		if !now.After(w.until) {
			rest = append(rest, w)
			continue
		}
		p.release(w.packets)
		for range w.packets {
			p.count("not_installed")
		}
	}
	clear(p.waiting[len(rest):])
	p.waiting = rest
}
