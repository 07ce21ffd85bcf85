package input

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// socket receives datagrams and knows when there are none.
type socket struct {
	conn *net.UDPConn
	name string
	opts Options
	only netip.Addr // whose datagrams are taken; the zero Addr for anybody's
	last time.Time  // when something came, or the socket was opened
	told bool       // that nothing comes
	// toldOther: that others send, too.
	toldOther bool
}

func openSocket(name string, opts Options) (socket, error) {
	addr, err := parseUDP(name)
	if err != nil {
		return socket{}, err
	}
	conn, err := addr.listen()
	if err != nil {
		return socket{}, fmt.Errorf("cannot receive on %s: %w", name, err)
	}
	_ = conn.SetReadBuffer(socketBuffer)
	only, _ := netip.AddrFromSlice(addr.source)
	return socket{conn: conn, name: name, opts: opts.withDefaults(), only: only.Unmap(), last: time.Now()}, nil
}

func (s *socket) Name() string { return s.name }
func (s *socket) Live() bool   { return true }

// Addr returns the address that media is to be sent to.
func (s *socket) Addr() net.Addr { return s.conn.LocalAddr() }

func (s *socket) Close() error { return s.conn.Close() }

// errNothing: nothing came for as long as was asked to wait.
var errNothing = errors.New("nothing came")

// receive waits for a datagram, at most so long (0 for any time): then the
// error is errNothing. Silence is an error or told, as the options say.
func (s *socket) receive(buf []byte, atMost time.Duration) (n int, err error) {
	for {
		until := s.last.Add(s.opts.Silence)
		if s.told {
			until = time.Now().Add(s.opts.Silence)
		}
		brief := atMost > 0 && time.Until(until) > atMost
		if brief {
			until = time.Now().Add(atMost)
		}
		if err := s.conn.SetReadDeadline(until); err != nil {
			return 0, err
		}
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil && s.only.IsValid() && from.Addr().Unmap() != s.only:
			s.other(from)
		case err == nil:
			s.heard()
			return n, nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case brief:
			return 0, errNothing
		case !s.opts.Reconnect:
			return 0, fmt.Errorf("%s %w: nothing came for %v", s.name, ErrSilent, s.opts.Silence)
		case !s.told:
			s.told = true
			s.opts.event("nothing has come on %s for %v: is the encoder running, and does it send there?", s.name, s.opts.Silence)
		}
	}
}

// other notes a datagram that is not taken.
func (s *socket) other(from netip.AddrPort) {
	if !s.toldOther {
		s.toldOther = true
		s.opts.event("%s is sent media by %s, too, which is not taken: sources is %s", s.name, from, s.only)
	}
}

func (s *socket) heard() {
	now := time.Now()
	if s.told {
		s.told = false
		s.opts.event("media comes on %s again, after %v", s.name, now.Sub(s.last).Round(time.Second/10))
	}
	s.last = now
}
