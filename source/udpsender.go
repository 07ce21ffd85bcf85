package source

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/corecast/corecast/wire"
)

// UDPSender is a Sender for an ordinary host: a UDP socket with the channel's
// source port, connected to the reserved EID. The host's routes must lead that
// address to the ITR.
type UDPSender struct {
	conn *net.UDPConn
}

// DialUDP opens the sender of a channel. The source EID must be an address of
// this host.
func DialUDP(channel Channel) (*UDPSender, error) {
	channel, err := channel.withDefaults()
	if err != nil {
		return nil, err
	}
	from := netip.AddrPortFrom(channel.SourceEID, channel.UDPPort)
	to := netip.AddrPortFrom(channel.ReservedEID, wire.Port)
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, fmt.Errorf("cannot send channel %s from %s to %s (is the source EID an address of this host, the port free, and the reserved EID routed to the ITR?): %w",
			channel.Name, from, to, err)
	}
	return &UDPSender{conn: conn}, nil
}

// Headroom implements Sender.
func (s *UDPSender) Headroom() int { return 0 }

// Send implements Sender. A packet that the network refuses for now (a full
// queue, or a router that says it cannot reach the reserved EID) is lost.
func (s *UDPSender) Send(packets [][]byte) (int, error) {
	sent := 0
	for _, p := range packets {
		switch _, err := s.conn.Write(p); {
		case err == nil:
			sent++
		case errors.Is(err, syscall.EMSGSIZE):
			return sent, fmt.Errorf("a packet of %d bytes is longer than the path's MTU allows; choose a smaller payload size: %w", len(p), err)
		case !passing(err):
			return sent, err
		}
	}
	return sent, nil
}

// passing says whether err may be gone for the next packet.
func passing(err error) bool {
	for _, e := range []error{syscall.ENOBUFS, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Close closes the socket.
func (s *UDPSender) Close() error { return s.conn.Close() }
