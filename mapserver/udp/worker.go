package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/corecast/corecast/mapserver"
)

// worker takes what one socket receives to the handler, and sends what comes
// out. One goroutine runs it; others may read its counters.
type worker struct {
	sockets  []*Socket // its own first
	outbox   mapserver.Outbox
	sender   Sender
	batch    [batchSize]Datagram // to be sent through one socket
	counters counters
	errors   *sendErrors
}

func newWorker(sockets []*Socket, e *Endpoint) *worker {
	return &worker{sockets: sockets, sender: Sender{OneByOne: e.config.OneByOne}, errors: &e.sendError}
}

// receivePause is how long a worker waits after the kernel refused to receive
// for a reason other than that the socket is closed: memory, say.
const receivePause = 10 * time.Millisecond

// run serves until the socket is closed.
func (w *worker) run(ctx context.Context, handler Handler) {
	receiver := w.sockets[0].NewReceiver()
	for {
		batch, err := receiver.Receive()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			w.counters.receiveErrors.Add(1)
			sleep(ctx, receivePause)
		default:
			w.handle(handler, batch)
		}
	}
}

func (w *worker) handle(handler Handler, batch []Datagram) {
	now, bytes := time.Now(), 0
	w.outbox.Reset()
	for i := range batch {
		d := &batch[i]
		bytes += len(d.Payload)
		handler.Handle(now, d.Remote, d.Local, d.Payload, &w.outbox)
	}
	w.counters.received.Add(uint64(len(batch)))
	w.counters.receivedBytes.Add(uint64(bytes))
	w.flush()
}

// tick runs the handler's clock.
func (w *worker) tick(ctx context.Context, handler Handler, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for more := true; more && ctx.Err() == nil; {
				w.outbox.Reset()
				more = handler.Tick(time.Now(), &w.outbox)
				w.flush()
			}
		}
	}
}

// flush sends the outbox in order, as many datagrams at a time as go through
// the same socket.
func (w *worker) flush() {
	var socket *Socket
	n := 0
	for i := range w.outbox.Len() {
		d := w.outbox.At(i)
		next := w.route(d.From, d.To)
		if next == nil {
			w.counters.unroutable.Add(1)
			continue
		}
		if next != socket || n == len(w.batch) {
			w.send(socket, n)
			socket, n = next, 0
		}
		w.batch[n] = Datagram{Remote: d.To, Local: d.From, Payload: d.Payload}
		n++
	}
	w.send(socket, n)
}

// route returns the socket that a datagram leaves by: one that can send from
// its address, or else one of the family.
func (w *worker) route(from netip.Addr, to netip.AddrPort) *Socket {
	var family *Socket
	for _, s := range w.sockets {
		if s.local.Addr().Is4() != to.Addr().Is4() {
			continue
		}
		if !from.IsValid() || s.sendsFrom(from) {
			return s
		}
		if family == nil {
			family = s
		}
	}
	return family
}

func (w *worker) send(socket *Socket, n int) {
	if n == 0 {
		return
	}
	result := w.sender.Send(socket, w.batch[:n])
	w.counters.add(&result)
	if result.Err != nil {
		w.errors.note(&result)
	}
}

// sleep waits, but not longer than ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
