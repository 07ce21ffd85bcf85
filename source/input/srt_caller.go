package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
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
			return &dialed{Conn: conn}, nil
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
type dialed struct {
	srt.Conn
	once sync.Once

	// mu keeps the reader and the end apart, and guards over: the last word of
	// the library's receiving goroutine has been taken.
	mu   sync.Mutex
	over bool
}

func (d *dialed) Read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.Conn.Read(b)
	d.over = d.over || lastWord(err)
	return n, err
}

// Close waits for the library's receiving goroutine, which ends only when
// somebody takes what it has to say; Read does that in passing. The library's
// own Close may have taken it, which cannot be seen: hence the bound.
func (d *dialed) Close() error {
	err := d.Conn.Close()
	d.once.Do(func() {
		d.mu.Lock() // a reader returns, since the connection is closed
		defer d.mu.Unlock()
		for tries := 0; !d.over && tries < 100; tries++ {
			time.Sleep(5 * time.Millisecond)
			_, err := d.Conn.Read(nil)
			d.over = lastWord(err)
		}
	})
	return err
}

// lastWord tells the error of the receiving goroutine from that of a
// connection which is closed.
func lastWord(err error) bool { return err != nil && !errors.Is(err, io.EOF) }
