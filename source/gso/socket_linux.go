package gso

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// NeverFragment makes packets longer than the path's MTU an error.
func NeverFragment(conn *net.UDPConn) error {
	return onSocket(conn, func(fd int, v6 bool) error {
		if v6 {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
	})
}

// PathMTU asks the kernel what it knows of the path of a connected socket: the
// longest IP packet that it takes; 0 for unknown.
func PathMTU(conn *net.UDPConn) (mtu int) {
	err := onSocket(conn, func(fd int, v6 bool) (err error) {
		if v6 {
			mtu, err = unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU)
		} else {
			mtu, err = unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU)
		}
		return err
	})
	if err != nil {
		return 0
	}
	return mtu
}

func onSocket(conn *net.UDPConn, do func(fd int, v6 bool) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	v6 := conn.LocalAddr().(*net.UDPAddr).IP.To4() == nil
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd), v6) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("option of socket %s: %w", conn.LocalAddr(), failed)
	}
	return nil
}

// SetTTL sets the TTL, or hop limit, of what a socket sends.
func SetTTL(conn *net.UDPConn, ttl int) error {
	return onSocket(conn, func(fd int, v6 bool) error {
		if v6 {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ttl)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl)
	})
}
