package viewerapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// proofMagic begins a proof, so that viewers can tell it from media.
//
//	+---------------------------------------------------------------+
//	|                   "CCPROOF1" (8 bytes)                        |
//	+---------------------------------------------------------------+
//	|                   nonce (16 bytes)                            |
//	+---------------------------------------------------------------+
//
// The source sends it by UDP to the address and port that is to receive media,
// which sends the same bytes back to where they came from.
const proofMagic = "CCPROOF1"

// ProofSize is the length of a proof datagram.
const ProofSize = len(proofMagic) + len(nonce{})

// IsProof says whether a datagram is a proof, to be sent back as it is.
func IsProof(datagram []byte) bool {
	return len(datagram) == ProofSize && string(datagram[:len(proofMagic)]) == proofMagic
}

// Prover sends nonces and receives their echoes.
type Prover struct{ conn *net.UDPConn }

// NewProver opens the socket for nonces: an address of this host, which viewers
// can answer.
func NewProver(listen string) (*Prover, error) {
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("cannot prove addresses on %s: %w", listen, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot prove addresses on %s: %w", listen, err)
	}
	return &Prover{conn}, nil
}

// Addr is where nonces are sent from.
func (p *Prover) Addr() net.Addr { return p.conn.LocalAddr() }

// Close closes the socket.
func (p *Prover) Close() error { return p.conn.Close() }

func (p *Prover) send(to netip.AddrPort, n nonce) error {
	datagram := append([]byte(proofMagic), n[:]...)
	_, err := p.conn.WriteToUDPAddrPort(datagram, to)
	return err
}

// receive calls echoed with every nonce that comes, until ctx ends.
func (p *Prover) receive(ctx context.Context, echoed func(netip.AddrPort, nonce)) {
	stop := context.AfterFunc(ctx, func() { _ = p.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 2*ProofSize)
	for ctx.Err() == nil {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !IsProof(buf[:n]) {
			continue // an ICMP error of somebody's, or garbage
		}
		echoed(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), nonce(buf[len(proofMagic):n]))
	}
}
