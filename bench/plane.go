package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Ports of both switches: one towards hosts, one towards the transit network.
const (
	localPort   = 1
	transitPort = 2
)

// Addresses of both switches.
var (
	sourceEID   = netip.MustParseAddr("10.0.0.10")
	reservedEID = netip.MustParseAddr("10.0.255.1")
	itrRLOC     = netip.MustParseAddr("192.0.2.10")
	gateway     = netip.MustParseAddr("192.0.2.1")
	plainHost   = netip.MustParseAddr("203.0.113.7") // not an EID
	switchMAC   = inet.MAC{2, 0, 0, 0, 0, 1}
	hostMAC     = inet.MAC{2, 0, 0, 0, 0, 2}
)

// plane is a switch that runs the CoreCast program; errors of its set-up are
// kept for the end.
type plane struct {
	*engine.Dataplane
	errs []error
}

func newPlane() (*plane, error) {
	prog, err := engine.Compile(build.DeviceConfig())
	if err != nil {
		return nil, fmt.Errorf("the CoreCast program: %w", err)
	}
	p := &plane{Dataplane: engine.New(prog, engine.Config{CPUPort: build.CPUPort, DropPort: build.DropPort})}
	for port, role := range map[uint64]uint64{localPort: build.RoleLocal, transitPort: build.RoleTransit} {
		p.add(build.TablePorts, build.ActionPort, [][]byte{num(role, 1), switchMAC[:], num(0, 3)}, exact(num(port, 2)))
	}
	p.keep(p.SetDefaultAction(build.TableTarget, build.ActionSetTarget,
		[][]byte{num(build.UnlimitedGrowth, 2), num(0, 2), num(localPort, 2)}))
	return p, nil
}

func (p *plane) keep(err error) {
	if err != nil {
		p.errs = append(p.errs, err)
	}
}

func (p *plane) add(table, action string, params [][]byte, match ...engine.Match) {
	p.keep(p.InsertEntry(table, engine.Entry{Match: match, Action: action, Params: params}))
}

func (p *plane) group(id uint32, replicas ...engine.Replica) {
	p.keep(p.InsertMulticastGroup(engine.MulticastGroup{ID: id, Replicas: replicas}))
}

// eid says where destinations of a prefix go.
func (p *plane) eid(prefix uint32, bits int, action string, params ...[]byte) {
	p.add(build.TableEids4, action, params, exact(num(0, 3)), engine.Match{Value: num(uint64(prefix), 4), PrefixLen: bits})
}

func (p *plane) neighbor(addr netip.Addr, port uint64) {
	p.add(build.TableNeighbors4, build.ActionDeliver,
		[][]byte{num(port, 2), switchMAC[:], hostMAC[:], num(0, 2)}, exact(addr.AsSlice()))
}

// newITR makes the switch of the source's site: a map-cache entry for each
// viewer's site, the channel, and a route to a plain host.
func newITR(sites int) (*plane, error) {
	p, err := newPlane()
	if err != nil {
		return nil, err
	}
	p.add(build.TableChannels4, build.ActionChannel4,
		[][]byte{num(1, 2), sourceEID.AsSlice(), num(localPort, 2), num(0, 1), num(wire.MaxEntries, 1), num(0, 4)},
		exact(num(0, 3)), exact(reservedEID.AsSlice()))
	for i := range sites {
		p.eid(sitePrefix(i), siteBits, build.ActionToRLOC, num(uint64(i+1), 2))
		p.add(build.TableRLOCs, build.ActionEncap4,
			[][]byte{itrRLOC.AsSlice(), num(uint64(rloc(i)), 4), gateway.AsSlice()}, exact(num(uint64(i+1), 2)))
	}
	p.eid(word(plainHost)&0xffffff00, 24, build.ActionNative4, gateway.AsSlice())
	p.neighbor(gateway, transitPort)
	p.group(build.CopyGroupBase+transitPort, engine.Replica{Port: transitPort, Instance: build.RIDPayload},
		engine.Replica{Port: transitPort, Instance: build.RIDHeader})
	return p, errors.Join(p.errs...)
}

// newETR makes the switch of a site with viewers.
func newETR(viewers int) (*plane, error) {
	p, err := newPlane()
	if err != nil {
		return nil, err
	}
	p.add(build.TableMyRlocs4, build.ActionOwnRLOC, nil, exact(num(uint64(rloc(0)), 4)))
	p.add(build.TableSourceRlocs4, build.ActionSourceRLOC, [][]byte{num(1, 2), num(0, 1)},
		engine.Match{Value: itrRLOC.AsSlice(), PrefixLen: 32})
	p.add(build.TableStreams4, build.ActionStream,
		[][]byte{num(build.MaxChannels, 2), num(wire.MaxEntries, 1), num(0, 4)},
		exact(num(0, 3)), exact(num(1, 2)), exact(sourceEID.AsSlice()), exact(reservedEID.AsSlice()))
	p.eid(sitePrefix(0), siteBits, build.ActionLocal)
	p.eid(word(reservedEID), 32, build.ActionDiscard, num(build.DropBadCorecast, 1))
	p.add(build.TableViewers4, build.ActionViewer, [][]byte{num(localPort, 2), switchMAC[:], hostMAC[:], num(0, 2)},
		exact(num(0, 3)), engine.Match{Value: num(uint64(sitePrefix(0)), 4), PrefixLen: siteBits})
	for i := range viewers {
		p.neighbor(viewer(0, i).Addr(), localPort)
	}
	for k := 1; k <= 5; k++ {
		var replicas []engine.Replica
		for i := range 1 << k {
			replicas = append(replicas, engine.Replica{Port: localPort, Instance: uint32(i + 1)})
		}
		p.group(uint32(build.ListGroupBase+k), replicas...)
	}
	return p, errors.Join(p.errs...)
}

func exact(b []byte) engine.Match { return engine.Match{Value: b} }

// num is v in n bytes.
func num(v uint64, n int) []byte { return binary.BigEndian.AppendUint64(nil, v)[8-n:] }

func word(a netip.Addr) uint32 { return binary.BigEndian.Uint32(a.AsSlice()) }
