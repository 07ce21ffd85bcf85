package input

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// datagrams receives media over UDP.
type datagrams struct {
	socket
	buf  []byte // one datagram; a reader may want it in smaller pieces
	rest []byte // of buf
}

const (
	maxDatagram = 65535
	// socketBuffer holds what arrives while the reader is busy; the kernel
	// may grant less.
	socketBuffer = 4 << 20
)

func openUDP(name string, opts Options) (Input, error) {
	s, err := openSocket(name, opts)
	if err != nil {
		return nil, err
	}
	return &datagrams{socket: s, buf: make([]byte, maxDatagram)}, nil
}

func (d *datagrams) Read(b []byte) (int, error) {
	for len(d.rest) == 0 { // a datagram may be empty
		n, err := d.receive(d.buf, 0)
		if err != nil {
			return 0, err
		}
		d.rest = d.buf[:n]
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// udpAddress is where datagrams are received.
type udpAddress struct {
	*net.UDPAddr
	iface  *net.Interface // that joins a group; nil for the system's choice
	source net.IP         // whose datagrams are taken; nil for anybody's
}

// parseUDP reads udp://host:port, or rtp://. The forms of other tools are
// understood: players write udp://@host:port, ffmpeg adds ?pkt_size=…, and
// sources=… for whom to listen to.
func parseUDP(name string) (a udpAddress, err error) {
	scheme, _, _ := strings.Cut(name, ":")
	want := fmt.Sprintf("want %s://host:port, for example %s://[::]:5000 or %s://239.1.1.1:5000?iface=eth0", scheme, scheme, scheme)
	u, err := url.Parse(name)
	if err != nil || u.Port() == "" || u.Port() == "0" || u.Path != "" {
		return a, fmt.Errorf("%w: %q; %s", ErrName, name, want)
	}
	a.UDPAddr, err = net.ResolveUDPAddr("udp", u.Host)
	if err != nil {
		return a, fmt.Errorf("%w: %q: %w; %s", ErrName, name, err, want)
	}
	for option, values := range u.Query() {
		value := values[0]
		switch option {
		case "pkt_size":
		case "iface":
			if a.iface, err = net.InterfaceByName(value); err != nil {
				return a, fmt.Errorf("%w: %q: iface %s: %w", ErrName, name, value, err)
			}
		case "sources":
			a.source = net.ParseIP(value)
			if a.source == nil || (a.source.To4() == nil) != (a.IP.To4() == nil) {
				return a, fmt.Errorf("%w: %q: sources=%s: want one IP address of the same family", ErrName, name, value)
			}
		default:
			return a, fmt.Errorf("%w: %q: unknown option %s: want pkt_size, iface or sources", ErrName, name, option)
		}
	}
	if a.iface != nil && !a.IP.IsMulticast() {
		return a, fmt.Errorf("%w: %q: iface is for multicast groups, which %s is not", ErrName, name, a.IP)
	}
	return a, nil
}

// listen opens the socket, and joins the group if there is one.
func (a udpAddress) listen() (*net.UDPConn, error) {
	if !a.IP.IsMulticast() {
		return net.ListenUDP("udp", a.UDPAddr)
	}
	conn, err := net.ListenMulticastUDP("udp", a.iface, a.UDPAddr)
	if err != nil || a.source == nil {
		return conn, err
	}
	group, source := &net.UDPAddr{IP: a.IP}, &net.UDPAddr{IP: a.source}
	if a.IP.To4() != nil {
		p := ipv4.NewPacketConn(conn)
		if err = p.LeaveGroup(a.iface, group); err == nil {
			err = p.JoinSourceSpecificGroup(a.iface, group, source)
		}
	} else {
		p := ipv6.NewPacketConn(conn)
		if err = p.LeaveGroup(a.iface, group); err == nil {
			err = p.JoinSourceSpecificGroup(a.iface, group, source)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot join group %s of source %s: %w", a.IP, a.source, err)
	}
	return conn, nil
}
