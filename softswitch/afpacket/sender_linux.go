package afpacket

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sender holds what one sendmmsg call needs.
type sender struct {
	msgs [maxBatch]mmsghdr
	iov  [maxBatch]unix.Iovec

	asked       int
	sent, bytes int
	send        func(fd uintptr)
}

func (s *sender) init() {
	for i := range s.msgs {
		s.msgs[i].hdr.Iov = &s.iov[i]
		s.msgs[i].hdr.SetIovlen(1)
	}
	s.send = s.transmit
}

func (s *sender) prepare(frames [][]byte) {
	s.asked, s.sent, s.bytes = len(frames), 0, 0
	for i, f := range frames {
		s.iov[i].Base = unsafe.SliceData(f)
		s.iov[i].SetLen(len(f))
	}
}

// transmit sends the batch. The kernel stops at the first frame it does not
// take; that one is left out and the rest tried again.
func (s *sender) transmit(fd uintptr) {
	for i := 0; i < s.asked; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.msgs[i])),
			uintptr(s.asked-i), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			for range int(n) {
				s.bytes += int(s.iov[i].Len)
				s.sent++
				i++
			}
		case unix.EINTR:
		default:
			i++
		}
	}
	for i := range s.asked {
		s.iov[i].Base = nil // keep no reference to the caller's frames
	}
}
