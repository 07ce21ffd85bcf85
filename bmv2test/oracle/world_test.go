package oracle

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// Ports of every world. What leaves by loopOut comes back in by loopBack.
const (
	transit1, transit2 = 4, 5
	loopOut, loopBack  = 6, 7
	firstStream        = build.MaxChannels // slot
	sites              = 6
	strangeSites       = 3 // like sites, but known to nobody
	tunnels            = 8
	noTunnel           = 9  // RLOC index without a tunnel
	noHop              = 10 // RLOC index whose next hop is not known
)

// world is a random switch and those around it.
type world struct {
	*rand.Rand
	c         *Config
	instances []uint32
	peers     []netip.Addr // RLOCs, known or not, that send us LISP
	ourRLOCs  []netip.Addr
	gateways  []netip.Addr
	realTime  bool // the clock cannot be moved: no rates, no repeated misses
}

func mac(kind, n int) inet.MAC { return inet.MAC{2, 0, 0, byte(kind), 0, byte(n)} }

// eid4 and eid6 make EIDs: net is the third site's number or so, host any.
func eid(v6 bool, net, sub, host int) netip.Addr {
	if v6 {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8:%x:%x::%x", net, sub, host))
	}
	return netip.AddrFrom4([4]byte{10, byte(net), byte(sub), byte(host)})
}

func netOf(v6 bool, net int) netip.Prefix {
	if v6 {
		return netip.PrefixFrom(eid(true, net, 0, 0), 48)
	}
	return netip.PrefixFrom(eid(false, net, 0, 0), 16)
}

func subnetOf(v6 bool, net, sub int) netip.Prefix {
	if v6 {
		return netip.PrefixFrom(eid(true, net, sub, 0), 64)
	}
	return netip.PrefixFrom(eid(false, net, sub, 0), 24)
}

func rloc(v6 bool, n int) netip.Addr {
	if v6 {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8:ffff::%x", n))
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
}

// Networks with a meaning in every world; 20 and up are sites.
const (
	dropNet, nativeNet = 40, 41
	viaSub             = 9 // of a local network: behind a router
	reservedSub        = 255
	usHost             = 1
	hosts              = 8 // local hosts 10.i.1.2 and up; the last two have no neighbor entry
)

func newWorld(seed uint64, realTime bool) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 0)), realTime: realTime}
	w.c = &Config{
		Ports: map[uint16]Port{}, OwnRLOCs: map[netip.Addr]bool{}, Channels: map[ChannelKey]Channel{},
		Peers: map[netip.Prefix]Peer{}, Streams: map[StreamKey]Stream{}, EIDs: map[Prefix]Way{},
		Buckets: map[BucketKey]uint16{}, Tunnels: map[uint16]Tunnel{}, Neighbors: map[netip.Addr]Neighbor{},
		Viewers: map[Prefix]Neighbor{}, Groups: map[uint16][]uint16{}, Growth: build.UnlimitedGrowth,
		SlotRates: map[uint16]Rate{}, PortRates: map[uint16]Rate{}, PuntRates: map[uint8]Rate{}, Generations: map[uint16]uint32{},
	}
	w.instances = []uint32{0, 1 + w.Uint32N(1<<24-1)}
	w.addPorts()
	w.addTransit()
	for i := range w.instances {
		for _, v6 := range []bool{false, true} {
			w.addLocal(i, v6)
			w.addRemote(i, v6)
		}
	}
	w.addMembers()
	if !realTime {
		w.addRates()
	}
	return w
}

func (w *world) chance(percent int) bool { return w.IntN(100) < percent }

func pick[T any](w *world, of ...T) T { return of[w.IntN(len(of))] }

func (w *world) addPorts() {
	for id := uint16(1); id <= 3; id++ {
		instance := w.instances[0]
		if id == 3 {
			instance = w.instances[1]
		}
		w.c.Ports[id] = Port{build.RoleLocal, mac(1, int(id)), instance}
	}
	w.c.Ports[transit1] = Port{build.RoleTransit, mac(1, transit1), 0}
	w.c.Ports[transit2] = Port{build.RoleTransit, mac(1, transit2), 0}
	w.c.LoopBack = loopBack
	w.c.Ports[loopBack] = Port{build.RoleLoop, mac(1, loopBack), 0}
	if w.realTime || w.chance(40) {
		w.c.Growth = build.StockGrowth
		if w.realTime || w.chance(70) {
			w.c.LoopTo = loopOut
		}
	}
	w.c.Groups[1] = []uint16{1, 2}
	w.c.Groups[2] = []uint16{uint16(1 + w.IntN(3))}
}

func (w *world) addTransit() {
	for _, v6 := range []bool{false, true} {
		for n := 10; n < 12; n++ {
			w.c.OwnRLOCs[rloc(v6, n)] = true
			w.ourRLOCs = append(w.ourRLOCs, rloc(v6, n))
			w.c.EIDs[Prefix{0, netip.PrefixFrom(rloc(v6, n), rloc(v6, n).BitLen())}] = Way{Kind: ToUs}
		}
		for n := 1; n <= 2; n++ {
			port := uint16(transit1 + n - 1)
			mtu := pick[uint16](w, 0, 0, 1500, 1400, 1588)
			w.c.Neighbors[rloc(v6, n)] = Neighbor{port, mac(1, int(port)), mac(2, n), mtu}
			w.gateways = append(w.gateways, rloc(v6, n))
		}
		for s := range sites + strangeSites {
			w.peers = append(w.peers, rloc(v6, 100+s))
			if s < sites {
				a := rloc(v6, 100+s)
				w.c.Peers[netip.PrefixFrom(a, a.BitLen())] = Peer{uint16(1 + s), w.chance(30)}
			}
		}
		// One more net may open streams.
		a := rloc(v6, 200)
		w.c.Peers[netip.PrefixFrom(a, a.BitLen()-4).Masked()] = Peer{99, true}
		w.peers = append(w.peers, a)
	}
	for n := 1; n <= tunnels; n++ {
		w.c.Tunnels[uint16(n)] = w.tunnel(100 + n)
	}
	t := w.tunnel(150)
	t.NextHop = rloc(!t.Remote.Is4(), 99)
	w.c.Tunnels[noHop] = t
	for set := uint16(1); set <= 3; set++ {
		for b := range uint8(build.RLOCBuckets) {
			if !w.chance(5) {
				w.c.Buckets[BucketKey{set, b}] = uint16(1 + w.IntN(tunnels))
			}
		}
	}
}

func (w *world) tunnel(n int) Tunnel {
	v6 := w.chance(50)
	return Tunnel{rloc(v6, 10+w.IntN(2)), rloc(v6, n), rloc(v6, 1+w.IntN(2))}
}

// localPort is a port at which hosts of an instance are.
func (w *world) localPort(i int) uint16 {
	if i == 1 {
		return 3
	}
	return uint16(1 + w.IntN(2))
}

func (w *world) addLocal(i int, v6 bool) {
	instance := w.instances[i]
	at := func(p netip.Prefix) Prefix { return Prefix{instance, p} }
	host := func(a netip.Addr) Prefix { return at(netip.PrefixFrom(a, a.BitLen())) }
	w.c.EIDs[at(netOf(v6, i))] = Way{Kind: Local}
	w.c.EIDs[at(subnetOf(v6, i, reservedSub))] = Way{Kind: Discard, Reason: build.DropReservedEID}
	w.c.EIDs[host(eid(v6, i, 1, usHost))] = Way{Kind: ToUs}
	for h := 2; h < 2+hosts-2; h++ {
		port := w.localPort(i)
		n := Neighbor{port, mac(1, int(port)), mac(3+i, h), pick[uint16](w, 0, 0, 0, 1500, 1300)}
		w.c.Neighbors[eid(v6, i, 1, h)] = n
		w.c.Viewers[host(eid(v6, i, 1, h))] = n
	}
	router := eid(v6, i, 1, 2)
	w.c.EIDs[at(subnetOf(v6, i, viaSub))] = Way{Kind: LocalVia, NextHop: router}
	w.c.Viewers[at(subnetOf(v6, i, viaSub))] = w.c.Viewers[host(router)]
}

func (w *world) addRemote(i int, v6 bool) {
	instance := w.instances[i]
	at := func(p netip.Prefix) Prefix { return Prefix{instance, p} }
	for s := range sites {
		w.c.EIDs[at(netOf(v6, 20+s))] = w.mapping()
		if w.chance(30) {
			w.c.EIDs[at(subnetOf(v6, 20+s, 7))] = w.mapping()
		}
	}
	w.c.EIDs[at(netOf(v6, dropNet))] = Way{Kind: Discard, Reason: build.DropNoRoute}
	w.c.EIDs[at(netOf(v6, nativeNet))] = Way{Kind: Native, NextHop: rloc(v6, 1+w.IntN(2))}
}

// mapping is where a site's EIDs lead.
func (w *world) mapping() Way {
	switch n := w.IntN(100); {
	case n < 65:
		return Way{Kind: ToRLOC, RLOC: uint16(1 + w.IntN(tunnels))}
	case n < 95:
		return Way{Kind: ToRLOCs, Set: uint16(1 + w.IntN(3))}
	case n < 98:
		return Way{Kind: ToRLOC, RLOC: noTunnel}
	}
	return Way{Kind: ToRLOC, RLOC: noHop}
}

func (w *world) addMembers() {
	for n := range 6 {
		i, v6 := n/4, n%2 == 1
		w.c.Channels[ChannelKey{w.instances[i], eid(v6, i, reservedSub, 1+n)}] = Channel{
			Slot: uint16(n * 170), Source: eid(v6, i, 1, 2+w.IntN(3)), Port: w.localPort(i),
			Redundancy: pick[uint8](w, 0, 0, 1, 2, 5, 255), MaxList: pick[uint8](w, 1, 4, 32, 32), Fanout: pick[uint32](w, 0, 0, 0, 20),
		}
		if w.chance(30) && !w.realTime {
			w.c.Generations[uint16(n*170)] = 0xFFFFF0 + w.Uint32N(16)
		}
	}
	for n := range 8 {
		i, v6, s := n/4%2, n%2 == 1, w.IntN(sites)
		key := StreamKey{w.instances[i], uint16(1 + s), eid(v6, 20+s, 1, 1), eid(v6, 20+s, reservedSub, 1+n)}
		w.c.Streams[key] = w.stream(uint16(firstStream+n*700), v6, n%4 == 3)
	}
	for n := range 2 { // and one a family that goes to a group, always
		key := StreamKey{0, 1, eid(n == 1, 20, 1, 1), eid(n == 1, 20, reservedSub, 100)}
		w.c.Streams[key] = w.stream(uint16(firstStream+7000+n), n == 1, true)
	}
}

func (w *world) stream(slot uint16, v6, multicast bool) Stream {
	if !multicast {
		return Stream{Slot: slot, MaxList: pick[uint8](w, 1, 8, 32, 32), Fanout: pick[uint32](w, 0, 0, 0, 20)}
	}
	s := Stream{Slot: slot, Group: uint16(1 + w.IntN(2)), GroupPort: 5004, GroupMTU: pick[uint16](w, 0, 0, 1500, 1000)}
	if v6 {
		s.Address, s.GroupMAC = netip.MustParseAddr("ff3e::8000:1"), inet.MAC{0x33, 0x33, 0x80, 0, 0, 1}
	} else {
		s.Address, s.GroupMAC = netip.MustParseAddr("232.1.1.1"), inet.MAC{1, 0, 0x5e, 1, 1, 1}
	}
	return s
}

// addRates holds some worlds to rates. Rates and waits are whole tokens, so
// that no rounding is anybody's promise.
func (w *world) addRates() {
	if !w.chance(30) {
		return
	}
	for _, ch := range w.c.Channels {
		if w.chance(50) {
			w.c.SlotRates[ch.Slot] = Rate{10_000, 8_000}
		}
		if w.chance(30) {
			w.c.PortRates[ch.Port] = Rate{1000, 30}
		}
	}
	for _, s := range w.c.Streams {
		if w.chance(50) {
			w.c.SlotRates[s.Slot] = Rate{10_000, 8_000}
		}
	}
	for reason := uint8(1); reason < uint8(len(build.PuntReasons)); reason++ {
		if w.chance(30) {
			w.c.PuntRates[reason] = Rate{1000, 5}
		}
	}
}

// change makes another configuration: what a controller does while traffic
// flows. Neither ports nor rates change.
func (w *world) change() *step {
	c := w.c.Clone()
	var what string
	switch w.IntN(5) {
	case 0:
		what = "a mapping changes"
		i, v6 := w.IntN(2), w.chance(50)
		p := Prefix{w.instances[i], netOf(v6, 20+w.IntN(sites))}
		if _, there := c.EIDs[p]; there && w.chance(20) && !w.realTime {
			delete(c.EIDs, p)
		} else {
			c.EIDs[p] = w.mapping()
		}
	case 1:
		what = "an RLOC's tunnel changes"
		n := 1 + w.IntN(tunnels)
		c.Tunnels[uint16(n)] = w.tunnel(100 + n)
	case 2:
		what = "a stream's delivery changes"
		for k, s := range sorted(c.Streams) {
			if w.chance(30) && k.Reserved.As16()[15] != 100 {
				c.Streams[k] = w.stream(s.Slot, !k.Reserved.Is4(), s.Group == 0)
			}
		}
	case 3:
		what = "a channel changes"
		for k, ch := range sorted(c.Channels) {
			if w.chance(30) {
				ch.Redundancy, ch.MaxList = pick[uint8](w, 0, 1, 3), pick[uint8](w, 1, 4, 32)
				c.Channels[k] = ch
			}
		}
	case 4:
		what = "a viewer moves"
		i, v6, h := w.IntN(2), w.chance(50), 3+w.IntN(hosts-3)
		a := eid(v6, i, 1, h)
		p := Prefix{w.instances[i], netip.PrefixFrom(a, a.BitLen())}
		if _, there := c.Viewers[p]; there {
			delete(c.Viewers, p)
			delete(c.Neighbors, a)
		} else {
			port := w.localPort(i)
			c.Neighbors[a] = Neighbor{port, mac(1, int(port)), mac(3+i, h), 0}
			c.Viewers[p] = c.Neighbors[a]
		}
	}
	w.c = c
	return &step{what: what, config: c}
}
