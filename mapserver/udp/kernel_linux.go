package udp

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// sockaddr is a struct sockaddr_in or sockaddr_in6: both begin with the family
// in host order and the port in network order.
type sockaddr struct{ unix.RawSockaddrInet6 }

func (s *sockaddr) bytes() *[unix.SizeofSockaddrInet6]byte {
	return (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(s))
}

func (s *sockaddr) addrPort() netip.AddrPort {
	b := s.bytes()
	port := binary.BigEndian.Uint16(b[2:])
	if s.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port)
	}
	addr := netip.AddrFrom16(s.Addr)
	if s.Scope_id != 0 {
		addr = addr.WithZone(strconv.Itoa(int(s.Scope_id))) // link-local peers alone have one
	}
	return netip.AddrPortFrom(addr, port)
}

// set makes s the address of to and returns its length.
func (s *sockaddr) set(to netip.AddrPort) uint32 {
	b := s.bytes()
	binary.BigEndian.PutUint16(b[2:], to.Port())
	if to.Addr().Is4() {
		s.Family = unix.AF_INET
		addr := to.Addr().As4()
		copy(b[4:], addr[:])
		return unix.SizeofSockaddrInet4
	}
	s.Family, s.Flowinfo, s.Addr, s.Scope_id = unix.AF_INET6, 0, to.Addr().As16(), scope(to.Addr())
	return unix.SizeofSockaddrInet6
}

func scope(addr netip.Addr) uint32 {
	if addr.Zone() == "" {
		return 0
	}
	n, _ := strconv.ParseUint(addr.Zone(), 10, 32) // as addrPort writes it
	return uint32(n)
}

// pktinfo is a control message that holds a struct in_pktinfo or in6_pktinfo:
// which of our addresses a datagram came to, or leaves from.
type pktinfo struct {
	hdr  unix.Cmsghdr
	data [unix.SizeofInet6Pktinfo + 4]byte
}

const (
	cmsghdrLen  = int(unsafe.Sizeof(unix.Cmsghdr{}))
	pktinfoLen  = int(unsafe.Sizeof(pktinfo{}))
	specDst     = 4 // of in_pktinfo: interface, our address, the header's address
	pktinfo4Len = unix.SizeofInet4Pktinfo
	pktinfo6Len = unix.SizeofInet6Pktinfo
)

// addr returns the address that the control message of length n names.
func (p *pktinfo) addr(n int) netip.Addr {
	switch {
	case n >= cmsghdrLen+pktinfo4Len && p.hdr.Level == unix.IPPROTO_IP && p.hdr.Type == unix.IP_PKTINFO:
		return netip.AddrFrom4([4]byte(p.data[specDst : specDst+4]))
	case n >= cmsghdrLen+pktinfo6Len && p.hdr.Level == unix.IPPROTO_IPV6 && p.hdr.Type == unix.IPV6_PKTINFO:
		return netip.AddrFrom16([16]byte(p.data[:16]))
	}
	return netip.Addr{}
}

// set makes p say that a datagram leaves from addr, by the interface that the
// routes choose, and returns its length.
func (p *pktinfo) set(addr netip.Addr) int {
	*p = pktinfo{}
	if addr.Is4() {
		p.hdr.Level, p.hdr.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		p.hdr.SetLen(cmsghdrLen + pktinfo4Len)
		from := addr.As4()
		copy(p.data[specDst:], from[:])
		return unix.CmsgSpace(pktinfo4Len)
	}
	p.hdr.Level, p.hdr.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	p.hdr.SetLen(cmsghdrLen + pktinfo6Len)
	from := addr.As16()
	copy(p.data[:], from[:])
	return unix.CmsgSpace(pktinfo6Len)
}

// askForLocalAddress has the kernel say with each datagram where it came to.
func askForLocalAddress(fd int, is4 bool) error {
	if is4 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// canSharePort: several sockets of this process can share one address, and the
// kernel spreads senders over them.
const canSharePort = true

func sharePort(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// setBuffers asks for a size; less than asked for is no reason to fail.
func (s *Socket) setBuffers(size int) {
	_ = control(s.raw, func(fd int) error {
		for force, ask := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
			if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
				_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, ask, size)
			}
		}
		return nil
	})
}

// kernelDrops is how many datagrams the kernel dropped because the receive
// buffer was full, or their checksum wrong.
func (s *Socket) kernelDrops() (drops uint64) {
	_ = control(s.raw, func(fd int) error { // a closed socket has no more to tell
		const skMeminfoDrops = 8
		var info [skMeminfoDrops + 1]uint32
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 && size >= uint32(unsafe.Sizeof(info)) {
			drops = uint64(info[skMeminfoDrops])
		}
		return nil
	})
	return drops
}
