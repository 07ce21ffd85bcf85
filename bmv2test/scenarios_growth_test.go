package bmv2test

import (
	"encoding/binary"

	"github.com/corecast/corecast/p4/build"
)

func growthScenarios() []Scenario {
	return []Scenario{
		{"without a loop: what grows too far is dropped", growthRefused},
		{"without a loop: what fits the limit passes", growthAllowed},
		{"forged loop frames are refused", forgedLoop},
		{"bytes behind a header do not make it grow too far", trailingBytes},
	}
}

// withoutLoop runs f on a network of this target that has the growth limit of
// stock bmv2 and no loop.
func (t *T) withoutLoop(f func(*T)) {
	other := *t
	other.stage = t.noLoop
	f(&other)
}

func growthRefused(t *T) {
	t.withoutLoop(func(t *T) {
		v := t.fig.Viewers[0]
		for _, length := range []int{512, 1200, 1316, 1472} {
			m := t.media(length)
			t.observe(expect{counted: dropped(0, build.DropGrowth).plus(t.stored())}, func() {
				t.send(SourceName, t.payload(m), t.header(m, v.EID))
			})
			// An ETR refuses to expand what would fit the ITR's way. The
			// header has 96 bytes, so it may become 608.
			etr := counts{t.event(1, build.EventPayload): 1}
			if length > 608-build.EthernetBytes-build.IPv4Bytes-build.UDPBytes {
				etr[drop(1, build.DropGrowth)] = 1
				t.observe(expect{counted: etr}, func() {
					t.inject(1, t.fromITR(1, t.payload(m)),
						t.fromITR(1, t.header(m, v.EID)))
				})
			}
		}
	})
}

// growthAllowed finds the last length that the ITR copies in one pass.
func growthAllowed(t *T) {
	t.withoutLoop(func(t *T) {
		const last = build.StockGrowth - build.LISPIPv4Bytes + build.Entry4Bytes
		m := t.media(last)
		t.serve(m, t.fig.Viewers[0], true, t.payload(m))
		over := t.media(last + 1)
		t.observe(expect{counted: dropped(0, build.DropGrowth).plus(t.stored())}, func() {
			t.send(SourceName, t.payload(over), t.header(over, t.fig.Viewers[0].EID))
		})
	})
}

// forgedLoop sends frames with a loop header from outside, some of them exactly
// what a switch sends to itself.
func forgedLoop(t *T) {
	m := t.settled(1316)
	frame := t.header(m, t.fig.Viewers[0].EID)
	for _, pads := range []int{0, 1, 2, 3, 4, 15} {
		for _, role := range []byte{0, build.RoleLocal, build.RoleLoop} {
			t.drops(0, build.DropLoopFrame, SourceName, looped(frame, role, pads))
		}
	}
	t.drops(1, build.DropLoopFrame, "", looped(t.fromITR(1, frame), build.RoleTransit, 4))
}

// trailingBytes puts bytes behind a header where Ethernet allows padding: they
// would trail, and add to, every packet made of it.
func trailingBytes(t *T) {
	m := t.settled(1316)
	v := t.fig.Viewers[0]
	for _, n := range []int{1, 6, 200, 300, 460, 600, 1024} {
		trailer := make([]byte, n)
		t.drops(0, build.DropBadCorecast, SourceName, append(t.header(m, v.EID), trailer...))
		header := t.fromITR(1, t.header(m, v.EID))
		t.drops(1, build.DropBadCorecast, "", append(header, trailer...))                                          // behind the outer packet
		t.drops(1, build.DropBadCorecast, "", edit(append(header, trailer...), func(ip []byte) { resize(ip, n) })) // inside it
	}
	t.serve(m, v, false)
}

// looped puts a loop header and pads into a frame.
func looped(frame []byte, role byte, pads int) []byte {
	be := binary.BigEndian
	out := append([]byte(nil), frame[:12]...)
	out = be.AppendUint16(out, build.EthertypeLoop)
	out = append(out, frame[12:14]...)
	out = be.AppendUint16(out, LocalPort)
	out = be.AppendUint32(out, uint32(role)<<28|uint32(pads)<<24)
	out = append(out, make([]byte, min(pads, 6)*build.PadBytes)...)
	return append(out, frame[14:]...)
}
