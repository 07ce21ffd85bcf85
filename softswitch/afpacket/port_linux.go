package afpacket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

// maxBatch is how many frames one system call moves.
const maxBatch = 64

// recheckGone is how often a port whose interface is down looks whether it
// still exists: the kernel reports that it went down, but not that a downed
// interface was deleted.
const recheckGone = 100 * time.Millisecond

// A Port is one Linux interface. It implements port.Port. It outlives the
// interface being down; Recv fails when the interface is deleted.
type Port struct {
	name  string
	index int

	// Receiving and sending have a socket each: the receiving one carries a
	// virtio header before each frame, the sending one has nothing to hear.
	rx, tx   *os.File
	rxConn   syscall.RawConn
	txConn   syscall.RawConn
	receiver receiver // owned by Recv
	sender   sender   // owned by Send
	down     bool     // owned by Recv: the interface went down

	closing sync.Once

	rxFrames, rxBytes, rxDropped atomic.Uint64
	txFrames, txBytes, txDropped atomic.Uint64

	kernelMu    sync.Mutex // guards kernelDrops: reading the kernel's count resets it
	kernelDrops uint64
}

var _ port.Port = (*Port)(nil)

// Open opens the named interface as a port, promiscuous.
func Open(name string, o Options) (*Port, error) {
	if o.SocketBuffer <= 0 {
		o.SocketBuffer = DefaultSocketBuffer
	}
	p := &Port{name: name}
	err := inNetNS(o.NetNS, func() error { return p.open(o.SocketBuffer) })
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("open interface %q: %w", name, explain(err))
	}
	p.receiver.init()
	p.sender.init()
	return p, nil
}

func (p *Port) open(buffer int) (err error) {
	if p.rx, p.rxConn, err = newSocket(); err != nil {
		return err
	}
	if p.tx, p.txConn, err = newSocket(); err != nil {
		return err
	}
	if p.index, err = interfaceIndex(p.rxConn, p.name); err != nil {
		return err
	}
	if err := control(p.rxConn, func(fd int) error { return setUpReceiver(fd, p.index, buffer) }); err != nil {
		return err
	}
	return control(p.txConn, func(fd int) error { return setUpSender(fd, p.index, buffer) })
}

// Recv implements port.Port. Frames of a super-frame that had no room in one
// call come with the next, before anything else and even if the port has been
// closed meanwhile.
func (p *Port) Recv(frames [][]byte) (int, error) {
	if len(frames) == 0 {
		return 0, nil
	}
	r := &p.receiver
	for {
		n, dropped := 0, 0
		if r.backlog.empty() {
			if err := p.receive(frames); err != nil {
				return 0, err
			}
			n, dropped = r.collect(frames)
		}
		more, lost := r.backlog.deliver(frames[n:])
		n += more
		p.countReceived(frames[:n], dropped+lost)
		if n > 0 {
			return n, nil
		}
	}
}

// receive waits for a batch from the kernel.
func (p *Port) receive(frames [][]byte) error {
	r := &p.receiver
	for {
		r.prepare(frames)
		if err := p.rxConn.Read(r.readable); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return net.ErrClosed
			}
			r.err = unix.ENETDOWN // still down: look again whether it exists
		}
		switch r.err {
		case 0:
			if p.down {
				p.down = false
				p.rx.SetReadDeadline(time.Time{})
			}
			return nil
		case unix.EINVAL:
			// A super-frame for which there is no virtio header, such as SCTP's.
			p.rxDropped.Add(1)
		case unix.ENETDOWN:
			if err := p.waitOutDown(); err != nil {
				return err
			}
		default:
			return fmt.Errorf("receive on interface %q: %w", p.name, r.err)
		}
	}
}

func (p *Port) countReceived(frames [][]byte, dropped int) {
	bytes := 0
	for _, f := range frames {
		bytes += len(f)
	}
	p.rxFrames.Add(uint64(len(frames)))
	p.rxBytes.Add(uint64(bytes))
	if dropped > 0 {
		p.rxDropped.Add(uint64(dropped))
	}
}

// waitOutDown fails if the interface is gone; if it is merely down it makes
// the next wait for frames a short one.
func (p *Port) waitOutDown() error {
	err := interfaceExists(p.rxConn, p.index)
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("receive on interface %q: it was deleted", p.name)
	}
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	p.down = true
	if p.rx.SetReadDeadline(time.Now().Add(recheckGone)) != nil {
		return net.ErrClosed
	}
	return nil
}

// Send implements port.Port: what the interface does not take at once is
// dropped and counted.
func (p *Port) Send(frames [][]byte) (int, error) {
	left := 0
	for len(frames) > 0 {
		batch := frames[:min(len(frames), maxBatch)]
		frames = frames[len(batch):]
		p.sender.prepare(batch)
		if err := p.txConn.Control(p.sender.send); err != nil {
			return left, net.ErrClosed
		}
		left += p.sender.sent
		p.txFrames.Add(uint64(p.sender.sent))
		p.txBytes.Add(uint64(p.sender.bytes))
		p.txDropped.Add(uint64(len(batch) - p.sender.sent))
	}
	return left, nil
}

// Stats implements port.Port. RxDropped includes what the kernel dropped for
// lack of room in the socket's buffer.
func (p *Port) Stats() port.Stats {
	return port.Stats{
		RxFrames: p.rxFrames.Load(), RxBytes: p.rxBytes.Load(),
		RxDropped: p.rxDropped.Load() + p.readKernelDrops(),
		TxFrames:  p.txFrames.Load(), TxBytes: p.txBytes.Load(), TxDropped: p.txDropped.Load(),
	}
}

func (p *Port) readKernelDrops() uint64 {
	p.kernelMu.Lock()
	defer p.kernelMu.Unlock()
	// A closed socket has no more to tell; what was read before still counts.
	_ = control(p.rxConn, func(fd int) error {
		s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			p.kernelDrops += uint64(s.Drops)
		}
		return err
	})
	return p.kernelDrops
}

// Close implements port.Port.
func (p *Port) Close() error {
	p.closing.Do(func() {
		if p.rx != nil {
			if p.rxConn != nil {
				p.readKernelDrops()
			}
			p.rx.Close()
		}
		if p.tx != nil {
			p.tx.Close()
		}
	})
	return nil
}
