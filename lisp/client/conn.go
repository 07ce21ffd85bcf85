package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// maxDatagram is the longest payload of a UDP datagram.
const maxDatagram = 65535

// conn is a UDP socket and the address that others reach it at.
type conn struct {
	*net.UDPConn
	local netip.AddrPort
}

// listen binds a socket. Without an address it is the one that packets to
// towards leave from.
func listen(local netip.AddrPort, towards netip.AddrPort) (*conn, error) {
	if !local.Addr().IsValid() {
		addr, err := sourceAddr(towards)
		if err != nil {
			return nil, err
		}
		local = netip.AddrPortFrom(addr, local.Port())
	}
	c, err := net.ListenUDP(network(local.Addr()), net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %s: %w", local, err)
	}
	bound := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return &conn{c, netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())}, nil
}

func network(addr netip.Addr) string {
	if addr.Is4() {
		return "udp4"
	}
	return "udp6"
}

// sourceAddr is the address of ours from which packets to somebody leave. It
// sends nothing.
func sourceAddr(to netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP(network(to.Addr()), nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("no way to %s: %w", to, err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// serve gives each packet to handle until ctx ends, and closes the socket.
func (c *conn) serve(ctx context.Context, handle func(from netip.AddrPort, packet []byte)) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("receive on UDP %s: %w", c.local, err)
		}
		handle(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buffer[:n])
	}
}

// encapsulate makes of a control message the ECM that goes to a Map-Resolver.
// The inner packet goes to the EID if that has our RLOC's family; what counts
// of it is the source port, where the Map-Reply comes to.
func encapsulate(from, server netip.AddrPort, eid lisp.EID, message []byte) ([]byte, error) {
	to := eid.Prefix.Addr()
	if to.Is4() != from.Addr().Is4() {
		to = server.Addr()
	}
	ecm := lisp.ECM{Inner: lisp.Inner{Src: from, Dst: netip.AddrPortFrom(to, lisp.ControlPort), Message: message}}
	return ecm.Append(nil)
}
