package gso

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of a Sender.

// errReplan: the messages not yet sent must be cut differently.
var errReplan = errors.New("segmentation was refused")

// run sends the planned messages. It returns the packets that left and the
// packets dealt with.
func (s *Sender) run() (sent, used int, err error) {
	var last syscall.Errno
	for s.from = 0; s.from < s.planned; {
		s.done, s.errno = 0, 0
		if err := s.raw.Write(s.write); err != nil {
			return sent, used, err
		}
		for _, n := range s.counts[s.from : s.from+s.done] {
			sent, used = sent+n, used+n
			if n > 1 {
				s.refused = 0
			}
		}
		s.from += s.done
		if s.errno == 0 {
			last = 0
			continue
		}
		n := s.counts[s.from]
		switch again := s.errno == last; {
		case n > 1 && refusesSegments(s.errno):
			s.single = true
			if s.refused++; s.errno == unix.EIO || s.refused == mostRefusals {
				s.limit = 1 // for good
			}
			return sent, used, errReplan
		case !again && pending(s.errno):
			// The kernel reported an earlier datagram's fate instead of
			// sending this one.
			last = s.errno
		case s.lenient: // the next one goes elsewhere
			if s.errno == unix.EMSGSIZE {
				s.long = s.to[s.from]
			}
			used += n
			s.from++
			last = 0
		case s.errno == unix.EMSGSIZE:
			return sent, used, fmt.Errorf("a datagram of %d bytes is %w", s.messages[s.from].header.Iov.Len, ErrTooLong)
		case passing(s.errno):
			used += n
			s.from++
			last = 0
		default:
			return sent, used, s.errno
		}
	}
	return sent, used, nil
}

// transmit is one sendmmsg; false asks to be called again when the socket has
// room.
func (s *Sender) transmit(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&s.messages[s.from])), uintptr(s.planned-s.from), unix.MSG_NOSIGNAL, 0, 0)
		runtime.KeepAlive(s)
		switch errno {
		case 0:
			s.done = int(n)
			return true
		case unix.EAGAIN:
			return false
		case unix.EINTR:
		default:
			s.errno = errno
			return true
		}
	}
}

// mostRefusals is how often in a row a kernel may refuse to segment before it is
// asked no more.
const mostRefusals = 8

// refusesSegments says whether errno is how kernels and devices refuse
// segmentation: EIO without checksum offload, EINVAL for a socket option that
// does not go with it, and for a datagram that is longer than the path's MTU.
func refusesSegments(errno syscall.Errno) bool {
	return errno == unix.EIO || errno == unix.EINVAL
}

// pending says whether errno may be about an earlier datagram.
func pending(errno syscall.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EMSGSIZE:
		return true
	}
	return false
}

// passing says whether errno may be gone for the next datagram.
func passing(errno syscall.Errno) bool {
	return errno == unix.ENOBUFS || errno == unix.EPERM || pending(errno) && errno != unix.EMSGSIZE
}
