package sourcetest

import (
	"net"
	"net/netip"
	"testing"
)

// Receive calls take for each datagram that comes to an IPv4 address of this
// machine, on a port of its own, until the test ends. It returns the address with
// the port.
func Receive(t testing.TB, at netip.Addr, take func(datagram []byte)) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Skipf("cannot listen on %s: %v", at, err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2000)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			take(buf[:n])
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}
