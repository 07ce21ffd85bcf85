package slowpath

import (
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// View is what the configuration says of the switch.
type View struct {
	Switch *config.Switch
	Site   *config.Site
	// RLOCs are the site's that are this switch's.
	RLOCs []config.RLOC
}

// Resolution is the answer for an EID: a prefix that covers it, and where that
// is. Without RLOCs it is negative, and Action says what to do.
type Resolution struct {
	EID    lisp.EID
	RLOCs  []config.RLOC
	Action lisp.Action
	TTL    time.Duration
}

// Stream is a channel of a source that the controller does not know.
type Stream struct{ Source, Reserved netip.Addr }

// Hop is a neighbor that the switch needs to reach an EID.
type Hop struct {
	Address netip.Addr
	Port    uint16
}

// Neighbor is a neighbor whose MAC address is known.
type Neighbor struct {
	Hop
	MAC inet.MAC
}

// Way is how the switch reaches an RLOC.
type Way struct {
	Port   uint16
	MAC    inet.MAC // of the next hop
	Source netip.Addr
}

// Actions is what a Path has done. A version that a method returns comes back
// in Path.Installed once the switch holds the change.
type Actions interface {
	// Send lets a frame leave through a port; Receive has the switch take it as
	// if it had come in there.
	Send(port uint16, frame []byte)
	Receive(port uint16, frame []byte)
	// Resolve asks for the mapping of an EID; the answer is Path.Resolved. Fresh:
	// what is remembered of it may have changed.
	Resolve(eid lisp.EID, fresh bool)
	// Learn brings a mapping into the switch's map-cache, Forget out of it.
	Learn(Resolution) (version uint64)
	Forget(lisp.EID)
	LearnNeighbor(addr netip.Addr, port uint16, mac inet.MAC) (version uint64)
	ForgetNeighbor(netip.Addr)
	LearnStream(Stream, []config.RLOC) (version uint64, ok bool)
	ForgetStream(Stream)
	// Reach says whether an RLOC answers.
	Reach(rloc netip.Addr, up bool)
	// Missing are the neighbors without MAC address on the way to an EID.
	Missing(eid netip.Addr) []Hop
	// MTU is the longest packet that fits the way to an EID, 0 for any.
	MTU(eid netip.Addr) int
	// Way is how to reach an RLOC now; ok is false where its next hop is not
	// known yet.
	Way(rloc netip.Addr) (way Way, ok bool)
	// Control takes a LISP control message to one of our addresses that is not
	// for the Path. send sends another from there: back, or to anybody that the
	// switch can reach.
	Control(from, to netip.AddrPort, message []byte, send func(to netip.AddrPort, message []byte))
}

// Options tune a Path; the zero value works.
type Options struct {
	// MapCacheIdle is after how long an unused mapping is forgotten; 0 means 15 min.
	MapCacheIdle time.Duration
	// StreamIdle is the same for streams; 0 means 5 min.
	StreamIdle time.Duration
	// NeighborAge is after how long a neighbor is asked whether it is still
	// there; 0 means 10 min.
	NeighborAge time.Duration
	// ProbeInterval is how often each RLOC in use is probed (RFC 9301 §7.1);
	// 0 does not probe.
	ProbeInterval time.Duration
	// ResolveTimeout is how long packets wait for a mapping or for the switch;
	// 0 means 5 s.
	ResolveTimeout time.Duration
	// MaxMappings, MaxNeighbors and MaxStreams bound what is learned; 0 means
	// 32,768, 16,384 and 1,024.
	MaxMappings, MaxNeighbors, MaxStreams int
}

func (o *Options) complete() {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&o.MapCacheIdle, 15*time.Minute)
	or(&o.StreamIdle, 5*time.Minute)
	or(&o.NeighborAge, 10*time.Minute)
	or(&o.ResolveTimeout, 5*time.Second)
	for _, m := range []struct {
		n *int
		v int
	}{{&o.MaxMappings, 1 << 15}, {&o.MaxNeighbors, 1 << 14}, {&o.MaxStreams, 1 << 10}} {
		if *m.n == 0 {
			*m.n = m.v
		}
	}
}

// MostMappings is how many mappings are learned at most.
func (o Options) MostMappings() int {
	o.complete()
	return o.MaxMappings
}

// Path is the slow path of one switch.
type Path struct {
	opts Options
	do   Actions
	view View

	cache     *mapCache
	stale     map[lisp.EID]struct{}     // to be asked for again
	allStale  bool                      // there was no room in stale
	questions questions                 // to the resolver, on their way
	pending   map[netip.Prefix]*pending // by near prefix
	waiting   []waiting                 // in the order of versions
	held      int                       // bytes of all packets that wait for anything
	installed uint64                    // the version that the switch holds
	streams   map[Stream]*heard
	neighbors map[netip.Addr]*neighbor
	probes    map[netip.Addr]*probe

	incomplete int // neighbors that are asked for and not known

	icmp, resolves, refreshes, solicits, answers, smrs limiter

	mu     sync.Mutex // guards counts
	counts map[string]uint64
}

// New makes the slow path of a switch.
func New(view View, do Actions, opts Options) *Path {
	opts.complete()
	return &Path{
		opts: opts, do: do, view: view,
		cache: newMapCache(), questions: newQuestions(), stale: map[lisp.EID]struct{}{}, pending: map[netip.Prefix]*pending{}, streams: map[Stream]*heard{},
		neighbors: map[netip.Addr]*neighbor{}, probes: map[netip.Addr]*probe{}, counts: map[string]uint64{},
		icmp: perSecond(100), resolves: perSecond(1000), refreshes: perSecond(10_000), solicits: perSecond(500), answers: perSecond(500), smrs: perSecond(50),
	}
}

// SetView brings in a new configuration.
func (p *Path) SetView(v View) { p.view = v }

// Counters are how often each thing happened, by name. Any goroutine may call it.
func (p *Path) Counters() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

func (p *Path) count(name string) {
	p.mu.Lock()
	p.counts[name]++
	p.mu.Unlock()
}

// Packet takes a packet that the switch gave to its controller.
func (p *Path) Packet(now time.Time, reason uint64, port uint16, frame []byte) {
	switch reason {
	case build.PuntARP:
		p.arp(now, port, frame)
		return
	case build.PuntNd:
		p.nd(now, port, frame)
		return
	}
	var pk packet
	if err := pk.parse(frame, p.view.isRLOC); err != nil {
		p.count("bad_packet")
		return
	}
	pk.port = port
	switch reason {
	case build.PuntMapCacheMiss:
		p.miss(now, &pk)
	case build.PuntNewStream:
		p.newStream(now, &pk)
	case build.PuntNeighbor:
		p.noNeighbor(now, &pk)
	case build.PuntTTL:
		p.timeExceeded(now, &pk)
	case build.PuntTooBig:
		p.tooBig(now, &pk)
	case build.PuntToUs:
		p.toUs(now, &pk)
	case build.PuntLISPControl:
		p.control(now, &pk)
	default:
		p.count("unknown_reason")
	}
}

// Tick does what is due. It is called several times a second.
func (p *Path) Tick(now time.Time) {
	p.tickWaiting(now)
	p.tickMapCache(now)
	p.tickNeighbors(now)
}

// Idle reports whether nothing waits: then ticks may be further apart.
func (p *Path) Idle() bool {
	return len(p.pending) == 0 && len(p.waiting) == 0 && len(p.stale) == 0 && p.incomplete == 0 && (p.opts.ProbeInterval >= usualProbes || len(p.probes) == 0)
}

func (v *View) port(id uint16) *config.Port { return v.Switch.FindPort(id) }

func (v *View) isRLOC(a netip.Addr) bool {
	for _, r := range v.RLOCs {
		if r.Address == a {
			return true
		}
	}
	return false
}

// ownAddress reports whether an address is one of the switch's.
func (v *View) ownAddress(a netip.Addr) bool {
	for i := range v.Switch.Ports {
		for _, prefix := range v.Switch.Ports[i].Prefixes() {
			if prefix.Addr() == a {
				return true
			}
		}
	}
	return v.isRLOC(a)
}

// addressOn is the switch's address of a family on a port, else on any.
func (v *View) addressOn(id uint16, v6 bool) netip.Addr {
	var any netip.Addr
	for i := range v.Switch.Ports {
		for _, prefix := range v.Switch.Ports[i].Prefixes() {
			if prefix.Addr().Is6() != v6 {
				continue
			}
			if v.Switch.Ports[i].ID == id {
				return prefix.Addr()
			}
			if !any.IsValid() {
				any = prefix.Addr()
			}
		}
	}
	return any
}

// localPort is the first port towards hosts.
func (v *View) localPort() *config.Port {
	for i := range v.Switch.Ports {
		if v.Switch.Ports[i].Role == config.Local {
			return &v.Switch.Ports[i]
		}
	}
	return nil
}
