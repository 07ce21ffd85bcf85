package controller

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// Resolver finds mappings: a Map-Resolver in this process or elsewhere. Any
// number of goroutines call it. Who learns that a mapping has changed (PubSub)
// tells it to Controller.Refresh.
type Resolver interface {
	// Resolve returns the mapping that covers an EID, negative ones included,
	// and of its prefix the part that it is true of: no more specific mapping
	// lies within. Fresh: what is remembered may have changed. An error says that
	// nobody could be asked.
	Resolve(ctx context.Context, eid lisp.EID, fresh bool) (slowpath.Resolution, error)
}

// ControlHandler takes LISP control messages that came to an address of a
// switch and are not for its slow path; send sends others from that address:
// back, or to whoever the switch can reach. It must return soon.
type ControlHandler func(switchName string, from, to netip.AddrPort, message []byte, send func(to netip.AddrPort, message []byte))

var errNoResolver = errors.New("no resolver is configured")

// slow runs the slow path of one switch: it carries out what slowpath.Path
// wants done. The Path belongs to the goroutine that run is called by.
type slow struct {
	o       *owner
	c       *Controller
	path    *slowpath.Path
	events  chan func(time.Time) // for the Path's goroutine
	session *p4rt.Session        // of the Path's goroutine
	asking  sync.WaitGroup
	ctx     context.Context
	open    atomic.Int64 // questions to the resolver that are on their way
	missed  atomic.Bool  // a change of mappings found no room in events

	// What is probed, and of which plan that is; of the Path's goroutine.
	probed        map[netip.Addr]lisp.EID
	probedVersion uint64
	probedAt      time.Time
}

// tick is how often a Path does what is due.
const tick = 100 * time.Millisecond

// idleTick is how often where nothing waits.
const idleTick = time.Second

// eventRoom is how many answers may wait for a Path.
const eventRoom = 2048

func newSlow(c *Controller, o *owner) *slow {
	s := &slow{o: o, c: c, events: make(chan func(time.Time), eventRoom)}
	s.path = slowpath.New(slowpath.View{}, s, c.opts.SlowPath)
	return s
}

// run takes what the switch gives to its controller until the session ends.
func (s *slow) run(ctx context.Context, session *p4rt.Session) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.asking.Wait()
	defer cancel()
	s.ctx, s.session = ctx, session
	s.path.SetView(s.o.plan.view())
	s.path.Begin()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var wanted, used, ticked time.Time
	for {
		select {
		case in, ok := <-session.PacketIns():
			if !ok {
				return
			}
			s.take(time.Now(), in)
		case f := <-s.events:
			f(time.Now())
		case <-s.o.settled:
		case now := <-ticker.C:
			if s.path.Idle() && now.Sub(ticked) < idleTick {
				continue
			}
			ticked = now
			s.path.SetView(s.o.plan.view())
			if now.Sub(wanted) > 2*time.Second {
				wanted = now
				s.wantRouters(now)
			}
			if now.Sub(used) > s.usedInterval() {
				used = now
				s.readUse()
			}
			if s.missed.Swap(false) {
				s.path.RefreshAll()
			}
			s.probe(now)
			s.path.Tick(now)
		}
		s.path.Installed(s.o.installed.Load())
	}
}

// take hands a packet-in to the Path.
func (s *slow) take(now time.Time, in p4rt.PacketIn) {
	reason := in.Metadata[build.MetaPacketInReason]
	name := name(build.PuntReasons[:], reason)
	s.o.board.update(func(st *SwitchStatus) {
		st.Punts[name]++
		st.PuntsDropped = s.session.PacketInsDropped()
	})
	s.path.SetView(s.o.plan.view())
	s.path.Packet(now, reason, uint16(in.Metadata[build.MetaPacketInIngressPort]), in.Payload)
}

// probe has RLOCs probed. Which is looked up after a change, once a second.
func (s *slow) probe(now time.Time) {
	if s.c.opts.SlowPath.ProbeInterval == 0 {
		return
	}
	if version := s.o.plan.currentVersion(); version != s.probedVersion && now.Sub(s.probedAt) >= idleTick {
		s.probed, s.probedVersion, s.probedAt = s.o.plan.rlocsToProbe(), version, now
	}
	s.path.Probe(now, s.probed)
}

func (s *slow) wantRouters(now time.Time) {
	for _, hop := range s.o.plan.missingRouters() {
		s.path.Want(now, hop)
	}
}

// post has f run by the Path's goroutine; false if there is no room.
func (s *slow) post(f func(time.Time)) bool {
	select {
	case s.events <- f:
		return true
	default:
		return false
	}
}

func (s *slow) packetOut(port uint16, mode uint64, frame []byte) {
	err := s.session.PacketOut(frame, map[string]uint64{build.MetaPacketOutPort: uint64(port), build.MetaPacketOutMode: mode})
	if err != nil && s.session.Err() == nil {
		s.o.log.Warn("packet-out", "port", port, "err", err)
	}
}

// Send implements slowpath.Actions.
func (s *slow) Send(port uint16, frame []byte) { s.packetOut(port, build.OutSend, frame) }

// Receive implements slowpath.Actions.
func (s *slow) Receive(port uint16, frame []byte) { s.packetOut(port, build.OutReceive, frame) }

// Resolve implements slowpath.Actions. The Path bounds how many are under way.
func (s *slow) Resolve(eid lisp.EID, fresh bool) {
	s.open.Add(1)
	s.asking.Go(func() {
		var r slowpath.Resolution
		err := errNoResolver
		if s.c.opts.Resolver != nil {
			ctx, cancel := context.WithTimeout(s.ctx, s.c.opts.Timeout)
			defer cancel()
			r, err = s.c.opts.Resolver.Resolve(ctx, eid, fresh)
		}
		select {
		case s.events <- func(now time.Time) {
			s.path.Resolved(now, eid, r, err)
			s.open.Add(-1)
		}:
		case <-s.ctx.Done():
			s.open.Add(-1)
		}
	})
}

// Learn implements slowpath.Actions.
func (s *slow) Learn(r slowpath.Resolution) uint64 {
	m := &mapping{learned: true, Mapping: Mapping{
		InstanceID: r.EID.InstanceID, Prefix: r.EID.Prefix, RLOCs: r.RLOCs, Action: r.Action}}
	defer s.o.nudge()
	return s.o.plan.learn(r.EID, m)
}

// Forget implements slowpath.Actions.
func (s *slow) Forget(eid lisp.EID) {
	s.o.plan.learn(eid, nil)
	s.o.nudge()
}

// LearnNeighbor implements slowpath.Actions.
func (s *slow) LearnNeighbor(addr netip.Addr, port uint16, mac inet.MAC) uint64 {
	version, rebuild := s.o.plan.learnNeighbor(addr, neighbor{config.MAC(mac), port})
	if rebuild {
		version = s.c.rebuild(s.o)
	}
	s.o.nudge()
	return version
}

// ForgetNeighbor implements slowpath.Actions.
func (s *slow) ForgetNeighbor(addr netip.Addr) {
	if s.o.plan.forgetNeighbor(addr) {
		s.c.rebuild(s.o)
	}
	s.o.nudge()
}

// LearnStream implements slowpath.Actions.
func (s *slow) LearnStream(st slowpath.Stream, rlocs []config.RLOC) (uint64, bool) {
	key := learnedStream{st.Source, st.Reserved}
	s.o.plan.learnStream(key, rlocs)
	version := s.c.rebuild(s.o)
	if _, ok := s.o.plan.numbers().Streams[streamName(st.Source, st.Reserved)]; !ok {
		s.o.plan.learnStream(key, nil)
		s.c.rebuild(s.o)
		return 0, false
	}
	s.o.nudge()
	return version, true
}

// ForgetStream implements slowpath.Actions.
func (s *slow) ForgetStream(st slowpath.Stream) {
	s.o.plan.learnStream(learnedStream{st.Source, st.Reserved}, nil)
	s.c.rebuild(s.o)
	s.o.nudge()
}

// Reach implements slowpath.Actions.
func (s *slow) Reach(rloc netip.Addr, up bool) {
	s.o.log.Info("RLOC probed", "rloc", rloc, "up", up)
	s.o.plan.reach(rloc, up)
	s.o.nudge()
}

// Missing implements slowpath.Actions.
func (s *slow) Missing(eid netip.Addr) []slowpath.Hop { return s.o.plan.missing(eid) }

// MTU implements slowpath.Actions.
func (s *slow) MTU(eid netip.Addr) int { return s.o.plan.mtu(eid) }

// Way implements slowpath.Actions.
func (s *slow) Way(rloc netip.Addr) (slowpath.Way, bool) { return s.o.plan.way(rloc) }

// Control implements slowpath.Actions.
func (s *slow) Control(from, to netip.AddrPort, message []byte, send func(netip.AddrPort, []byte)) {
	if s.c.opts.Control == nil {
		return
	}
	s.c.opts.Control(s.o.name, from, to, message, func(whom netip.AddrPort, message []byte) {
		s.post(func(time.Time) { send(whom, message) }) // the Path is not for other goroutines
	})
}

// inherit tells the Path what the switch has from a controller before this one.
func (s *slow) inherit(ctx context.Context, got inherited) {
	if got.empty() {
		return
	}
	s.o.log.Info("taken over", "mappings", len(got.mappings), "neighbors", len(got.neighbors), "streams", len(got.streams))
	select {
	case s.events <- func(now time.Time) {
		s.path.Inherit(now, got.mappings)
		s.path.InheritNeighbors(now, got.neighbors)
		for st := range got.streams {
			s.path.InheritStream(now, slowpath.Stream{Source: st.source, Reserved: st.reserved})
		}
	}:
	case <-ctx.Done():
	}
}

// rebuild builds the plan of one switch anew and returns its version.
func (c *Controller) rebuild(o *owner) uint64 {
	c.desired.RLock()
	defer c.desired.RUnlock()
	if sw := c.state.Config.FindSwitch(o.name); sw != nil {
		if err := o.plan.build(c.state, sw); err != nil {
			o.log.Error("the plan could not be built", "err", err)
		}
	}
	return o.plan.currentVersion()
}

// Refresh says that mappings of EID prefixes have changed: switches whose slow
// path has learned one that overlaps, or is about to, resolve it anew.
func (c *Controller) Refresh(changed []lisp.EID) {
	for _, o := range c.allOwners() {
		list := changed
		if o.slow.open.Load() == 0 {
			list = o.plan.overlapping(changed)
		}
		if len(list) > 0 && !o.slow.post(func(time.Time) { o.slow.path.Refresh(list) }) {
			o.slow.missed.Store(true)
		}
	}
}

// usedInterval is how often the switch is asked what it uses.
func (s *slow) usedInterval() time.Duration {
	o := s.c.opts.SlowPath
	d := time.Minute
	for _, idle := range []time.Duration{o.MapCacheIdle, o.StreamIdle} {
		if idle > 0 {
			d = min(d, idle/4)
		}
	}
	return d
}

// readUse asks the switch what its learned entries have seen, and tells the
// Path.
func (s *slow) readUse() {
	eids, streams := s.o.plan.learnedKeys()
	session := s.session
	s.asking.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, s.c.opts.Timeout)
		defer cancel()
		if len(eids) > 0 {
			hits, err := readHits(ctx, session, eids)
			if err == nil {
				s.post(func(now time.Time) { s.path.Used(now, hits) })
			}
		}
		events := map[slowpath.Stream]uint64{}
		for st, slot := range streams {
			cells, err := session.ReadCounter(ctx, build.CounterSlotEvents, int64(slot*slotEvents), slotEvents)
			if err != nil {
				return
			}
			for _, cell := range cells {
				events[slowpath.Stream{Source: st.source, Reserved: st.reserved}] += cell.Packets
			}
		}
		s.post(func(now time.Time) { s.path.StreamsUsed(now, events) })
	})
}

// readHits reads how many packets the entries of EID prefixes have seen.
func readHits(ctx context.Context, session *p4rt.Session, eids map[string]lisp.EID) (map[lisp.EID]uint64, error) {
	hits := map[lisp.EID]uint64{}
	for _, f := range []*family{&ipv4, &ipv6} {
		byKey, err := session.ReadHits(ctx, f.eids)
		if err != nil {
			return nil, err
		}
		for key, n := range byKey {
			if eid, ok := eids[key]; ok {
				hits[eid] = n.Packets
			}
		}
	}
	return hits, nil
}
