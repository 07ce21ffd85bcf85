package input

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"
)

// datagrams receives media over UDP.
type datagrams struct {
	conn    *net.UDPConn
	name    string
	silence time.Duration
	buf     []byte // one datagram; a reader may want it in smaller pieces
	rest    []byte // of buf
}

const (
	maxDatagram = 65535
	// socketBuffer holds what arrives while the reader is busy; the kernel
	// may grant less.
	socketBuffer = 4 << 20
)

func openUDP(name string, silence time.Duration) (Input, error) {
	addr, err := parseUDP(name)
	if err != nil {
		return nil, err
	}
	listen := net.ListenUDP
	if addr.IP.IsMulticast() {
		listen = func(network string, group *net.UDPAddr) (*net.UDPConn, error) {
			return net.ListenMulticastUDP(network, nil, group)
		}
	}
	conn, err := listen("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot receive on %s: %w", name, err)
	}
	_ = conn.SetReadBuffer(socketBuffer)
	if silence == 0 {
		silence = DefaultSilence
	}
	return &datagrams{conn: conn, name: name, silence: silence, buf: make([]byte, maxDatagram)}, nil
}

// parseUDP reads udp://host:port. The forms of other tools are understood:
// players write udp://@host:port, ffmpeg adds ?pkt_size=….
func parseUDP(name string) (*net.UDPAddr, error) {
	const want = "want udp://host:port, for example udp://[::]:5000"
	u, err := url.Parse(name)
	if err != nil || u.Port() == "" || u.Port() == "0" || u.Path != "" {
		return nil, fmt.Errorf("%w: %q; %s", ErrName, name, want)
	}
	for option := range u.Query() {
		if option != "pkt_size" {
			return nil, fmt.Errorf("%w: %q: unknown option %s; %s", ErrName, name, option, want)
		}
	}
	addr, err := net.ResolveUDPAddr("udp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w; %s", ErrName, name, err, want)
	}
	return addr, nil
}

func (d *datagrams) Name() string { return d.name }
func (d *datagrams) Live() bool   { return true }

// Addr returns the address that media is to be sent to.
func (d *datagrams) Addr() net.Addr { return d.conn.LocalAddr() }

func (d *datagrams) Read(b []byte) (int, error) {
	for len(d.rest) == 0 { // a datagram may be empty
		if err := d.conn.SetReadDeadline(time.Now().Add(d.silence)); err != nil {
			return 0, err
		}
		n, err := d.conn.Read(d.buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, fmt.Errorf("%s %w: nothing came for %v", d.name, ErrSilent, d.silence)
		}
		if err != nil {
			return 0, err
		}
		d.rest = d.buf[:n]
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *datagrams) Close() error { return d.conn.Close() }
