package gso

import (
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Address is where a datagram goes, as the kernel takes it.
type Address struct {
	raw  unix.RawSockaddrInet6 // or an IPv4 one, which is shorter
	size uint32
}

// Set makes it this address, of the family of the sockets that it is used with.
func (a *Address) Set(to netip.AddrPort) {
	a.raw = unix.RawSockaddrInet6{}
	port := [2]byte{byte(to.Port() >> 8), byte(to.Port())}
	if to.Addr().Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		v4.Family, v4.Addr = unix.AF_INET, to.Addr().As4()
		*(*[2]byte)(unsafe.Pointer(&v4.Port)) = port
		a.size = unix.SizeofSockaddrInet4
		return
	}
	a.raw.Family, a.raw.Addr = unix.AF_INET6, to.Addr().As16()
	*(*[2]byte)(unsafe.Pointer(&a.raw.Port)) = port
	a.size = unix.SizeofSockaddrInet6
}

// SendTo sends datagrams, in order, and returns how many left. Those that follow
// each other to one Address, by its pointer, and are of one size share a message
// of the kernel. A destination that does not take its datagram loses that one.
func (s *Sender) SendTo(list []Datagram) (sent int, err error) {
	s.lenient, s.long = true, nil
	for len(list) > 0 {
		n := s.planTo(list)
		ok, used, err := s.run()
		sent += ok
		if errors.Is(err, errReplan) {
			n = used
		} else if err != nil {
			return sent, err
		}
		list = list[n:]
	}
	return sent, nil
}

// TooLong returns an Address to which a datagram of the last SendTo was longer
// than the path takes; nil if there was none.
func (s *Sender) TooLong() *Address { return s.long }

// planTo lays out messages for as many datagrams as fit and returns how many.
func (s *Sender) planTo(list []Datagram) int {
	limit := s.limit
	if s.single {
		limit, s.single = 1, false
	}
	s.planned = 0
	vectors, taken := 0, 0
	for taken < len(list) && s.planned < maxMessages && vectors+2 <= maxVectors {
		first := &list[taken]
		n, size := runTo(list[taken:], min(limit, (maxVectors-vectors)/2))
		pieces := gathering{vectors: s.vectors[vectors:]}
		for i := range list[taken : taken+n] {
			pieces.add(list[taken+i].Head)
			pieces.add(list[taken+i].Tail)
		}
		s.message(first.To, pieces, n, size)
		vectors += pieces.used
		taken += n
	}
	return taken
}

// runTo returns how many datagrams from the first on make one message, and the
// size of all but a shorter last one.
func runTo(list []Datagram, limit int) (n, size int) {
	length := func(i int) int { return len(list[i].Head) + len(list[i].Tail) }
	if size = length(0); size == 0 {
		return 1, 0
	}
	limit = min(limit, len(list), max(maxBytes/size, 1))
	n = 1
	for n < limit && list[n].To == list[0].To && length(n) == size {
		n++
	}
	if n < limit && list[n].To == list[0].To && length(n) > 0 && length(n) < size {
		n++
	}
	return n, size
}
