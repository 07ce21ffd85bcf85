package udp

import (
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams one system call moves.
const batchSize = 32

// stride is the distance between receive buffers. It is off the power of two
// so that the beginnings of the buffers do not share the same cache lines.
const stride = MaxDatagram + 1 + 5*64

// A Receiver is the memory to receive batches from one socket.
type Receiver struct {
	socket    *Socket
	datagrams [batchSize]Datagram
	memory    []byte

	msgs    [batchSize]mmsghdr
	iov     [batchSize]unix.Iovec
	from    [batchSize]sockaddr
	control [batchSize]pktinfo

	got      int
	err      unix.Errno
	readable func(fd uintptr) (done bool) // receive, as the poller wants it
}

// NewReceiver returns the memory for one goroutine to receive from s.
func (s *Socket) NewReceiver() *Receiver {
	r := &Receiver{socket: s, memory: make([]byte, batchSize*stride)}
	for i := range r.msgs {
		r.iov[i].Base = &r.memory[i*stride]
		r.iov[i].SetLen(MaxDatagram)
		h := &r.msgs[i].hdr
		h.Iov = &r.iov[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.from[i]))
		if s.info {
			h.Control = (*byte)(unsafe.Pointer(&r.control[i]))
		}
	}
	r.readable = r.receive
	return r
}

// Receive waits for datagrams and returns those that are there. They are valid
// until the next call. After Close it returns net.ErrClosed.
func (r *Receiver) Receive() ([]Datagram, error) {
	r.prepare()
	if err := r.socket.raw.Read(r.readable); err != nil {
		return nil, err
	}
	return r.collect()
}

func (r *Receiver) prepare() {
	for i := range r.msgs {
		h := &r.msgs[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		if r.socket.info {
			h.SetControllen(pktinfoLen)
		}
	}
}

func (r *Receiver) collect() ([]Datagram, error) {
	if r.err != 0 {
		return nil, os.NewSyscallError("recvmmsg", r.err)
	}
	for i := range r.got {
		m := &r.msgs[i]
		start := i * stride
		r.datagrams[i] = Datagram{
			Remote:  r.from[i].addrPort(),
			Local:   r.localAddr(i),
			Payload: r.memory[start : start+int(m.len) : start+int(m.len)],
		}
	}
	return r.datagrams[:r.got], nil
}

func (r *Receiver) localAddr(i int) netip.Addr {
	if !r.socket.info {
		return r.socket.local.Addr()
	}
	return r.control[i].addr(int(r.msgs[i].hdr.Controllen))
}

// receive reads what is there. It reports false when there is nothing, for
// the poller to wait.
func (r *Receiver) receive(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.msgs[0])),
			batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			r.got, r.err = int(n), 0
		default:
			r.got, r.err = 0, errno
		}
		return true
	}
}
