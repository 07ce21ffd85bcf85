package udp

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxSegment is the longest datagram that is sent together with others of its
// size: short enough for every path's MTU, almost.
const maxSegment = 1024

// A Sender is the memory to send batches through any socket. The zero value
// is ready for use by one goroutine.
//
// Datagrams that follow each other, have one receiver and one size, as answers
// to an xTR that asks much have, go to the kernel as one message that it cuts
// up (UDP_SEGMENT): that costs a third.
type Sender struct {
	// OneByOne sends each datagram as a message of its own.
	OneByOne bool

	iov     [batchSize]unix.Iovec // a datagram each
	msgs    [batchSize]mmsghdr    // one or more datagrams each
	to      [batchSize]sockaddr
	control [batchSize]sendControl

	socket   *Socket
	asked    int // messages
	result   SendResult
	transmit func(fd uintptr)
}

// sendControl holds the control messages of one message.
type sendControl struct {
	pktinfo pktinfo
	segment segment
}

// segment is the control message that has the kernel cut a message up.
type segment struct {
	hdr  unix.Cmsghdr
	size uint16
	_    [6]byte
}

// Send sends the datagrams through socket, in order. It waits for nothing:
// what the kernel does not take at once is left out, and the rest still sent.
func (s *Sender) Send(socket *Socket, datagrams []Datagram) SendResult {
	if s.transmit == nil {
		s.transmit = s.sendmmsg
	}
	s.socket, s.result = socket, SendResult{}
	for len(datagrams) > 0 {
		n := min(len(datagrams), batchSize)
		s.prepare(datagrams[:n])
		datagrams = datagrams[n:]
		if err := socket.raw.Control(s.transmit); err != nil {
			s.result.Failed += n
			s.result.Err, s.result.ErrTo = err, s.to[0].addrPort()
		}
		for i := range n {
			s.iov[i].Base = nil // keep no reference to the caller's bytes
		}
	}
	s.socket = nil
	return s.result
}

// prepare makes messages of datagrams.
func (s *Sender) prepare(datagrams []Datagram) {
	s.asked = 0
	for i := 0; i < len(datagrams); {
		n := 1
		if !s.OneByOne && !s.socket.oneByOne.Load() {
			n = together(datagrams[i:])
		}
		for j := i; j < i+n; j++ {
			s.iov[j].Base = unsafe.SliceData(datagrams[j].Payload)
			s.iov[j].SetLen(len(datagrams[j].Payload))
		}
		s.message(&datagrams[i], i, n)
		i += n
	}
}

// together returns how many datagrams from the first on can be one message:
// all of one size, but for the last, which may be shorter.
func together(datagrams []Datagram) int {
	first := &datagrams[0]
	size := len(first.Payload)
	if size == 0 || size > maxSegment {
		return 1
	}
	for n := 1; n < len(datagrams); n++ {
		d := &datagrams[n]
		if len(d.Payload) > size || len(d.Payload) == 0 || d.Remote != first.Remote || d.Local != first.Local {
			return n
		}
		if len(d.Payload) < size {
			return n + 1
		}
	}
	return len(datagrams)
}

// message makes the next message of n datagrams, those from the i-th on.
func (s *Sender) message(first *Datagram, i, n int) {
	h, to, control := &s.msgs[s.asked].hdr, &s.to[s.asked], &s.control[s.asked]
	s.asked++
	h.Iov = &s.iov[i]
	h.SetIovlen(n)
	h.Name = (*byte)(unsafe.Pointer(to))
	h.Namelen = to.set(first.Remote)
	h.Control = nil
	h.SetControllen(0)
	size := 0
	if s.socket.info && first.Local.IsValid() && !first.Local.IsUnspecified() {
		size = control.pktinfo.set(first.Local)
		h.Control = (*byte)(unsafe.Pointer(&control.pktinfo))
	}
	if n > 1 {
		seg := &control.segment
		if size > 0 { // right behind the other
			seg = (*segment)(unsafe.Add(unsafe.Pointer(&control.pktinfo), size))
		}
		seg.hdr.Level, seg.hdr.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		seg.hdr.SetLen(unix.CmsgLen(2))
		seg.size = uint16(len(first.Payload))
		if size == 0 {
			h.Control = (*byte)(unsafe.Pointer(seg))
		}
		size += unix.CmsgSpace(2)
	}
	h.SetControllen(size)
}

// sendmmsg sends the messages. The kernel stops at the first that it does not
// take; that one is left out and the rest tried again.
func (s *Sender) sendmmsg(fd uintptr) {
	for i := 0; i < s.asked; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.msgs[i])),
			uintptr(s.asked-i), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			for range int(n) {
				s.sent(&s.msgs[i])
				i++
			}
		case errno == unix.EINTR:
		case s.msgs[i].hdr.Iovlen > 1 && errno != unix.EAGAIN && errno != unix.ENOBUFS:
			s.sendEach(fd, i)
			i++
		default:
			s.refused(errno, i)
			i++
		}
	}
}

// sendEach sends the datagrams of message i one by one, because the kernel did
// not take them together. Where that works, the way out cannot cut messages
// up, and it is not tried again with the socket.
func (s *Sender) sendEach(fd uintptr, i int) {
	m := &s.msgs[i]
	datagrams := unsafe.Slice(m.hdr.Iov, int(m.hdr.Iovlen))
	m.hdr.SetIovlen(1)
	if rest := int(m.hdr.Controllen) - unix.CmsgSpace(2); rest > 0 {
		m.hdr.SetControllen(rest) // the source address alone
	} else {
		m.hdr.Control = nil
		m.hdr.SetControllen(0)
	}
	for j := range datagrams {
		m.hdr.Iov = &datagrams[j]
		_, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(m)), 1, unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			s.refused(errno, i)
			continue
		}
		s.sent(m)
		s.socket.oneByOne.Store(true)
	}
}

func (s *Sender) sent(m *mmsghdr) {
	iov := unsafe.Slice(m.hdr.Iov, int(m.hdr.Iovlen))
	want := 0
	for i := range iov {
		want += int(iov[i].Len)
	}
	if int(m.len) < want {
		s.result.Short += len(iov)
		return
	}
	s.result.Sent += len(iov)
	s.result.Bytes += want
}

func (s *Sender) refused(errno syscall.Errno, i int) {
	n := int(s.msgs[i].hdr.Iovlen)
	if errno == unix.EAGAIN || errno == unix.ENOBUFS {
		s.result.Full += n
		return
	}
	s.result.Failed += n
	s.result.Err, s.result.ErrTo = errno, s.to[i].addrPort()
}
