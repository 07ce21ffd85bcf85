package gso

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxMessages is the most messages in one sendmmsg.
	maxMessages = 64
	// maxVectors is the most pieces of memory that those messages gather.
	maxVectors = 1024
	// maxBytes is the most that the kernel segments at once: an IP packet
	// less the headers.
	maxBytes = 65535 - 40 - 8
)

// Sender sends datagrams over a socket. One goroutine may use it.
type Sender struct {
	raw   syscall.RawConn
	limit int // datagrams in a message; 1 without segmentation

	refused int  // times in a row that segmentation was refused
	single  bool // the next plan does without it

	// The plan of a Send, in memory that is used again and again.
	messages [maxMessages]mmsghdr
	counts   [maxMessages]int // datagrams in each message
	to       [maxMessages]*Address
	controls [maxMessages]control
	vectors  [maxVectors]unix.Iovec
	planned  int // messages in use

	// What the call under way sends, and how it went.
	from, done int
	errno      syscall.Errno
	lenient    bool // what one destination does not take is lost, and no error
	long       *Address
	write      func(fd uintptr) bool // s.transmit, made once
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// control is the control message that asks for segmentation, with the padding
// that the kernel wants behind it.
type control struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte
}

// New returns the sender of a socket, which must be connected for Send. The
// socket stays the caller's.
func New(conn *net.UDPConn) (*Sender, error) {
	return NewWithLimit(conn, probe())
}

// NewWithLimit is New with at most limit datagrams in a message of the kernel;
// with 1, nothing is segmented.
func NewWithLimit(conn *net.UDPConn, limit int) (*Sender, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot use the socket %s: %w", conn.LocalAddr(), err)
	}
	s := &Sender{raw: raw, limit: max(limit, 1)}
	s.write = s.transmit
	for i := range s.controls {
		c := &s.controls[i]
		c.header.Level, c.header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		c.header.SetLen(unix.CmsgLen(2))
	}
	return s, nil
}

// Limit is how many datagrams one message of the kernel carries; 1 means that
// segmentation is not available.
func (s *Sender) Limit() int { return s.limit }

// Mode says in words how datagrams are sent.
func (s *Sender) Mode() string {
	if s.limit == 1 {
		return "sendmmsg"
	}
	return fmt.Sprintf("UDP_SEGMENT with %d datagrams a message", s.limit)
}

// Send sends packets to the socket's peer, in order, and returns how many left.
// The error is nil when some were merely lost.
func (s *Sender) Send(packets [][]byte) (sent int, err error) {
	s.lenient = false
	for len(packets) > 0 {
		n := s.plan(packets)
		ok, used, err := s.run()
		sent += ok
		if errors.Is(err, errReplan) {
			n = used
		} else if err != nil {
			return sent, err
		}
		packets = packets[n:]
	}
	return sent, nil
}

// plan lays out messages for as many packets as fit and returns how many.
func (s *Sender) plan(packets [][]byte) int {
	limit := s.limit
	if s.single {
		limit, s.single = 1, false
	}
	s.planned = 0
	vectors, taken := 0, 0
	for taken < len(packets) && s.planned < maxMessages {
		n := run(packets[taken:], limit)
		n = min(n, maxVectors-vectors)
		if n == 0 {
			break
		}
		group := packets[taken : taken+n]
		pieces := gathering{vectors: s.vectors[vectors:]}
		for _, p := range group {
			pieces.add(p)
		}
		s.message(nil, pieces, n, len(group[0]))
		vectors += pieces.used
		taken += n
	}
	return taken
}

// message plans one message of n datagrams of size bytes, the last of which may
// be shorter.
func (s *Sender) message(to *Address, pieces gathering, n, size int) {
	h := &s.messages[s.planned].header
	h.Iov = &pieces.vectors[0]
	h.SetIovlen(pieces.used)
	s.to[s.planned] = to
	h.Name, h.Namelen = nil, 0
	if to != nil {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&to.raw)), to.size
	}
	h.Control = nil
	h.SetControllen(0)
	if n > 1 {
		c := &s.controls[s.planned]
		c.size = uint16(size)
		h.Control = (*byte)(unsafe.Pointer(c))
		h.SetControllen(unix.CmsgSpace(2))
	}
	s.counts[s.planned] = n
	s.planned++
}

// run returns how many packets from the first on make one message: all of one
// size but a shorter last one.
func run(packets [][]byte, limit int) int {
	size := len(packets[0])
	if size == 0 {
		return 1
	}
	limit = min(limit, len(packets), max(maxBytes/size, 1))
	n := 1
	for n < limit && len(packets[n]) == size {
		n++
	}
	if n < limit && len(packets[n]) > 0 && len(packets[n]) < size {
		n++
	}
	return n
}

// gathering makes vectors of pieces of memory; those that follow each other
// share one.
type gathering struct {
	vectors []unix.Iovec
	used    int
	end     unsafe.Pointer // of the last vector; nil for none that can grow
}

func (g *gathering) add(p []byte) {
	if len(p) == 0 {
		return
	}
	base := unsafe.Pointer(unsafe.SliceData(p))
	if g.end != nil && base == g.end {
		v := &g.vectors[g.used-1]
		v.SetLen(int(v.Len) + len(p))
	} else {
		g.vectors[g.used].Base = (*byte)(base)
		g.vectors[g.used].SetLen(len(p))
		g.used++
	}
	g.end = nil
	if len(p) < cap(p) { // else the end is another object's beginning
		g.end = unsafe.Add(base, len(p))
	}
}
