package bmv2test

import (
	"sync"
	"sync/atomic"

	"github.com/corecast/corecast/softswitch/port"
	"github.com/corecast/corecast/wire/inet"
)

// batchFrames is how many frames move between two ports at a time.
const batchFrames = 64

// Tap sees a frame on its way between two switches, by their names, and says
// what becomes of it. A frame that floods (its destination is no member's) is
// seen once for each member it goes to. The frame is valid only during the
// call and must not be changed.
type Tap func(from, to string, frame []byte) Verdict

// Verdict is what becomes of a frame.
type Verdict bool

const (
	Forward Verdict = true
	Lose    Verdict = false
)

// segment moves frames among its members by destination MAC address. It learns
// nothing: addresses are fixed, broadcast and multicast frames go to everybody
// else, frames to strangers to nobody.
type segment struct {
	tap      Tap
	members  []*member
	byMAC    map[inet.MAC]*member
	unknown  atomic.Uint64 // frames to strangers
	captures *capture
}

type member struct {
	name string
	port port.Port
	mu   sync.Mutex // guards sending on port
}

func newSegment(tap Tap, captures *capture) *segment {
	if tap == nil {
		tap = func(string, string, []byte) Verdict { return Forward }
	}
	return &segment{tap: tap, byMAC: make(map[inet.MAC]*member), captures: captures}
}

// join adds a member; all join before any is pumped.
func (s *segment) join(name string, mac inet.MAC, p port.Port) *member {
	m := &member{name: name, port: p}
	s.members = append(s.members, m)
	s.byMAC[mac] = m
	return m
}

// pump moves what from sends until its port is closed. Frames in a row for one
// member travel together.
func (s *segment) pump(from *member) {
	frames := newFrames(batchFrames)
	batch := make([][]byte, 0, batchFrames)
	var to *member
	flush := func() {
		if len(batch) > 0 {
			_ = to.send(batch) // a port closes only when the network ends
			batch = batch[:0]
		}
	}
	for {
		n, err := from.port.Recv(frames)
		if err != nil {
			return
		}
		for _, frame := range frames[:n] {
			s.captures.add(frame)
			if len(frame) >= inet.EthernetSize && frame[0]&1 != 0 {
				flush()
				s.flood(from, frame)
				continue
			}
			next := s.lookup(frame)
			if next == nil || next == from {
				s.unknown.Add(1)
				continue
			}
			if s.tap(from.name, next.name, frame) == Lose {
				continue
			}
			if next != to {
				flush()
				to = next
			}
			batch = append(batch, frame)
		}
		flush()
	}
}

func (s *segment) lookup(frame []byte) *member {
	if len(frame) < inet.EthernetSize {
		return nil
	}
	return s.byMAC[inet.MAC(frame)]
}

func (s *segment) flood(from *member, frame []byte) {
	for _, m := range s.members {
		if m != from && s.tap(from.name, m.name, frame) == Forward {
			_ = m.send([][]byte{frame})
		}
	}
}

// send transmits for whoever calls. What finds no room is lost, as on any
// Ethernet; the port counts it.
func (m *member) send(frames [][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.port.Send(frames)
	return err
}

// newFrames returns n buffers as port.Port.Recv wants them.
func newFrames(n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = make([]byte, port.MaxFrame)
	}
	return frames
}
