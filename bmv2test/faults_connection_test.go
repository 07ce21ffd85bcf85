package bmv2test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Faults between a controller and its switches.

// cutter makes connections that break after some bytes were sent, the later
// ones after more.
type cutter struct{ conns, after atomic.Int64 }

func (c *cutter) dial(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		network, address = "unix", path
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	left := &atomic.Int64{}
	left.Store(200 + c.after.Add(1500))
	c.conns.Add(1)
	return &cutConn{Conn: conn, left: left}, nil
}

type cutConn struct {
	net.Conn
	left *atomic.Int64
}

func (c *cutConn) Write(b []byte) (int, error) {
	if left := c.left.Add(-int64(len(b))); left < 0 && left > -1<<16 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// connectionCut: each attempt gets a little further.
func connectionCut(n *faultNet) {
	n.Program(n.fig) // the program is there already: it is one large message
	n.wipe()
	var cut cutter
	c, _ := n.controller(controller.Options{ElectionID: p4rt.ElectionID{Low: 5}, DialOptions: []grpc.DialOption{grpc.WithContextDialer(cut.dial)}})
	n.ready(c)
	n.Logf("%d connections", cut.conns.Load())
	n.stream(5, nil)
}

// requestsFail: every seventh Write fails as a whole, and every fifth Read.
func requestsFail(n *faultNet) {
	var writes, reads atomic.Int64
	broken := status.Error(codes.Unavailable, "broken for a test")
	c, _ := n.controller(controller.Options{DialOptions: []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if _, ok := req.(*p4v1.WriteRequest); ok && writes.Add(1)%7 == 0 {
				return broken
			}
			return invoke(ctx, method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			if strings.HasSuffix(method, "/Read") && reads.Add(1)%5 == 0 {
				return nil, broken
			}
			return streamer(ctx, desc, cc, method, opts...)
		}),
	}})
	n.ready(c)
	retries := uint64(0)
	for _, sw := range c.Status().Switches {
		retries += sw.Retries
	}
	if retries == 0 {
		n.Error("nothing failed")
	}
	n.Logf("%d writes, %d reads, %d retries", writes.Load(), reads.Load(), retries)
	n.stream(5, nil)
}

// slowSwitch: one switch takes its time for each write. It is named, and the
// others are not held up.
func slowSwitch(n *faultNet) {
	n.Program(n.fig) // the programs are there already
	n.wipe()
	var writes atomic.Int64
	end := make(chan struct{})
	c, _ := n.controller(controller.Options{ElectionID: p4rt.ElectionID{Low: 5}, DialOptions: []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if w, ok := req.(*p4v1.WriteRequest); ok && w.DeviceId == 1 {
				if writes.Add(1) == 1 {
					time.Sleep(1500 * time.Millisecond)
				} else {
					<-end
				}
			}
			return invoke(ctx, method, req, reply, cc, opts...)
		}),
	}})
	n.until("the others are ready, and the slow switch is named", func() bool {
		switches := c.Status().Switches
		for _, sw := range switches[1:] {
			if sw.Phase != controller.Ready {
				return false
			}
		}
		return switches[0].Phase == controller.Syncing && strings.Contains(switches[0].Reason, "the switch is slow: the last")
	})
	close(end)
	n.ready(c)
	n.stream(3, nil)
}
