package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Sender is the memory to send batches through any socket. The zero value
// is ready for use by one goroutine.
type Sender struct {
	msgs    [batchSize]mmsghdr
	iov     [batchSize]unix.Iovec
	to      [batchSize]sockaddr
	control [batchSize]pktinfo

	asked    int
	result   SendResult
	transmit func(fd uintptr)
}

// Send sends the datagrams through socket, in order. It waits for nothing:
// what the kernel does not take at once is left out, and the rest still sent.
func (s *Sender) Send(socket *Socket, datagrams []Datagram) SendResult {
	if s.transmit == nil {
		s.transmit = s.sendmmsg
	}
	s.result = SendResult{}
	for len(datagrams) > 0 {
		s.asked = min(len(datagrams), batchSize)
		for i := range datagrams[:s.asked] {
			s.prepare(socket, i, &datagrams[i])
		}
		datagrams = datagrams[s.asked:]
		if err := socket.raw.Control(s.transmit); err != nil {
			s.result.Failed += s.asked
			s.result.Err, s.result.ErrTo = err, s.to[0].addrPort()
		}
	}
	return s.result
}

func (s *Sender) prepare(socket *Socket, i int, d *Datagram) {
	s.iov[i].Base = unsafe.SliceData(d.Payload)
	s.iov[i].SetLen(len(d.Payload))
	h := &s.msgs[i].hdr
	h.Iov = &s.iov[i]
	h.SetIovlen(1)
	h.Name = (*byte)(unsafe.Pointer(&s.to[i]))
	h.Namelen = s.to[i].set(d.Remote)
	h.Control = nil
	h.SetControllen(0)
	if socket.info && d.Local.IsValid() && !d.Local.IsUnspecified() {
		h.Control = (*byte)(unsafe.Pointer(&s.control[i]))
		h.SetControllen(s.control[i].set(d.Local))
	}
}

// sendmmsg sends the batch. The kernel stops at the first datagram it does not
// take; that one is left out and the rest tried again.
func (s *Sender) sendmmsg(fd uintptr) {
	for i := 0; i < s.asked; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.msgs[i])),
			uintptr(s.asked-i), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			for range int(n) {
				s.account(i)
				i++
			}
		case unix.EINTR:
		case unix.EAGAIN, unix.ENOBUFS:
			s.result.Full++
			i++
		default:
			s.result.Failed++
			s.result.Err, s.result.ErrTo = errno, s.to[i].addrPort()
			i++
		}
	}
	for i := range s.asked {
		s.iov[i].Base = nil // keep no reference to the caller's bytes
	}
}

func (s *Sender) account(i int) {
	if uint64(s.msgs[i].len) < uint64(s.iov[i].Len) {
		s.result.Short++
		return
	}
	s.result.Sent++
	s.result.Bytes += int(s.msgs[i].len)
}
