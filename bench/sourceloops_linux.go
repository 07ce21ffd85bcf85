package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/source/gso"
	"github.com/corecast/corecast/wire"
)

// loopTurn is how many system calls a loop makes between looks at the clock.
const loopTurn = 64

// bareLoops are what a source is compared with: the same packet over and over
// from the same memory, as many in a UDP_SEGMENT message as the kernel takes,
// and each with a sendto of its own.
func bareLoops(to *net.UDPAddr) (segmented, each *sending, err error) {
	packet, err := wire.AppendHeader4(nil, wire.Identify(1, []byte("media")), []netip.AddrPort{viewer(0, 0)})
	if err != nil {
		return nil, nil, err
	}
	limit, err := segmentLimit(to)
	if err != nil {
		return nil, nil, err
	}
	var messages []byte
	for range limit {
		messages = append(messages, packet...)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open a socket: %w", err)
	}
	addr := &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}
	control := segmentControl(uint16(len(packet)))
	loop := func(units int, call func() error) func(time.Duration) (uint64, error) {
		return func(d time.Duration) (n uint64, err error) {
			for until := time.Now().Add(d); time.Now().Before(until); {
				for range loopTurn {
					if err := call(); err != nil {
						return n, err
					}
					n += uint64(units)
				}
			}
			return n, nil
		}
	}
	segmented = &sending{
		load: load{name: fmt.Sprintf("a bare loop of UDP_SEGMENT, %d packets a call", limit)},
		send: loop(limit, func() error {
			_, err := unix.SendmsgN(fd, messages, control, addr, 0)
			return err
		}),
		close: func() { _ = unix.Close(fd) },
	}
	each = &sending{
		load:  load{name: "one sendto a packet"},
		send:  loop(1, func() error { return unix.Sendto(fd, packet, 0, addr) }),
		close: func() {},
	}
	return segmented, each, nil
}

// segmentControl is the control message that asks for segments of size bytes.
func segmentControl(size uint16) []byte {
	control := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], size)
	return control
}

// segmentLimit is how many packets the kernel takes at once.
func segmentLimit(to *net.UDPAddr) (int, error) {
	conn, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	s, err := gso.New(conn)
	if err != nil {
		return 0, err
	}
	if s.Limit() == 1 {
		return 0, fmt.Errorf("this kernel has no UDP_SEGMENT to compare with: want Linux 4.18 or later")
	}
	return s.Limit(), nil
}
