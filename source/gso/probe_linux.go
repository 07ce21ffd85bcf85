package gso

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// probe returns how many segments the kernel takes in one message: 128 (Linux
// 6.9 and later), 64 (4.18 and later), or 1 where there is no segmentation. It
// sends that many bytes, a datagram each, from a socket to itself. Where the
// loopback interface is down, it is 64 if the socket option is known.
func probe() int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 1
	}
	defer func() { _ = unix.Close(fd) }()
	if unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 0) != nil {
		return 1
	}
	if !connectToItself(fd) {
		return 64
	}
	c := control{size: 1}
	c.header.Level, c.header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	c.header.SetLen(unix.CmsgLen(2))
	oob := unsafe.Slice((*byte)(unsafe.Pointer(&c)), unix.CmsgSpace(2))
	for _, segments := range []int{128, 64} {
		if _, err := unix.SendmsgN(fd, make([]byte, segments), oob, nil, 0); err == nil {
			return segments
		}
	}
	return 1
}

func connectToItself(fd int) bool {
	if unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}) != nil {
		return false
	}
	self, err := unix.Getsockname(fd)
	return err == nil && unix.Connect(fd, self) == nil
}
