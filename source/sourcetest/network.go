// Package sourcetest is what tests of a source need around it: a network that
// takes what it sends and serves its viewers, somebody who receives, somebody who
// listens to what it says, and patience. No package imports it but tests.
package sourcetest

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/corecast/corecast/wire"
)

// Network stands for the ITR and the ETRs: it takes what is sent to a reserved
// EID and gives every viewer its packets.
type Network struct {
	conn *net.UDPConn

	mu       sync.Mutex // guards what follows
	served   map[netip.AddrPort]int
	payloads []Payload
}

// Payload is a payload packet that came.
type Payload struct {
	ID   wire.ID
	From netip.AddrPort
}

// NewNetwork returns the network behind a reserved EID of the loopback interface.
// It ends with the test.
func NewNetwork(t testing.TB, reserved string) *Network {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(reserved), Port: wire.Port})
	if err != nil {
		t.Skipf("cannot take what is sent to %s: %v", reserved, err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	n := &Network{conn: conn, served: map[netip.AddrPort]int{}}
	done := make(chan struct{})
	go func() { defer close(done); n.forward() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n
}

func (n *Network) forward() {
	buf := make([]byte, 2000)
	var payload wire.Payload
	var header wire.Header4
	var media []byte
	for {
		size, from, err := n.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		switch {
		case payload.Decode(buf[:size]) == nil:
			media = bytes.Clone(payload.Media)
			n.mu.Lock()
			n.payloads = append(n.payloads, Payload{payload.ID, from})
			n.mu.Unlock()
		case header.Decode(buf[:size]) == nil && header.ID.Hash == wire.Hash(media):
			for v := range header.Viewers() {
				n.mu.Lock()
				n.served[v]++
				n.mu.Unlock()
				_, _ = n.conn.WriteToUDPAddrPort(media, v)
			}
		}
	}
}

// Count returns how many packets a viewer was sent.
func (n *Network) Count(v netip.AddrPort) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.served[v]
}

// Sent returns the payloads so far, in the order they came.
func (n *Network) Sent() []Payload {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.payloads)
}

// CheckNoneTwice fails the test if a sequence number came twice, or after a
// later one: whoever sends goes on from where the one before has stopped, and
// that one is silent from then on.
func (n *Network) CheckNoneTwice(t testing.TB) {
	t.Helper()
	all := n.Sent()
	if len(all) < 2 {
		t.Fatalf("%d payloads: too few to say anything", len(all))
	}
	for i := 1; i < len(all); i++ {
		if int32(all[i].ID.Sequence-all[i-1].ID.Sequence) <= 0 {
			t.Fatalf("payload %d, from %s, has sequence %d after %d", i, all[i].From, all[i].ID.Sequence, all[i-1].ID.Sequence)
		}
	}
}
