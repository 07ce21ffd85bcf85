package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	srt "github.com/datarhei/gosrt"
	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"
)

const (
	// knockEvery is how often a caller asks whether anybody is there.
	knockEvery = 500 * time.Millisecond
	// complainAfter is how long nobody is there before that is told.
	complainAfter = 2 * time.Second
	// How long a caller that was turned away waits: it begins with the first
	// and doubles up to the second.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// srtHeaderSize is the length of the header of every SRT packet.
const srtHeaderSize = 16

// srtCaller calls whoever has the media.
//
// The library's Dial cannot be stopped, and leaves goroutines behind when it
// fails. So it is called only once somebody has answered a handshake.
type srtCaller struct {
	address srtAddress
	opts    Options
}

func (c *srtCaller) next(ctx context.Context) (srt.Conn, error) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		if err := c.knock(ctx); err != nil {
			return nil, err
		}
		conn, err := srt.Dial("srt", c.address.host, c.address.config)
		if err == nil {
			return &dialed{conn}, nil
		}
		err = fmt.Errorf("%w (are stream id and passphrase right?)", err)
		if ctx.Err() != nil || !c.opts.Reconnect {
			return nil, err
		}
		c.opts.event("%s turned us away: %v; trying again in %v", c.address.display(), err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// knock asks until somebody answers.
func (c *srtCaller) knock(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", c.address.host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	hello := induction(conn, c.address.config)
	buf := make([]byte, 1500)
	told := time.Now().Add(complainAfter)
	for ctx.Err() == nil {
		_, _ = conn.Write(hello) // it may be refused: nobody is there yet
		until := time.Now().Add(knockEvery)
		_ = conn.SetReadDeadline(until)
		n, err := conn.Read(buf)
		if err == nil && n >= srtHeaderSize {
			return nil
		}
		if !told.IsZero() && time.Now().After(told) {
			told = time.Time{}
			c.opts.event("nobody answers at %s: calling again and again", c.address.display())
		}
		select { // an error may come at once
		case <-time.After(time.Until(until)):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// induction is the first packet of a caller's handshake.
func induction(conn net.Conn, config srt.Config) []byte {
	p := packet.NewPacket(conn.RemoteAddr())
	defer p.Decommission()
	p.Header().IsControlPacket = true
	p.Header().ControlType = packet.CTRLTYPE_HANDSHAKE
	hello := &packet.CIFHandshake{
		IsRequest: true, Version: 4, ExtensionField: 2, HandshakeType: packet.HSTYPE_INDUCTION,
		InitialPacketSequenceNumber: circular.New(0, packet.MAX_SEQUENCENUMBER),
		MaxTransmissionUnitSize:     config.MSS, MaxFlowWindowSize: config.FC, SRTSocketId: 1,
	}
	hello.PeerIP.FromNetAddr(conn.LocalAddr())
	p.MarshalCIF(hello)
	var b bytes.Buffer
	_ = p.Marshal(&b) // a buffer takes it
	return b.Bytes()
}

func (c *srtCaller) ended() {}
func (c *srtCaller) close() {}

// dialed is a connection that leaves nothing behind when it is closed.
type dialed struct{ srt.Conn }

// Close also takes what one of the library's goroutines has to say at its end,
// which Read does in passing: the goroutine waits for that.
func (d *dialed) Close() error {
	err := d.Conn.Close()
	go func() {
		for range 100 {
			if _, err := d.Conn.Read(nil); err != nil && !errors.Is(err, io.EOF) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return err
}
