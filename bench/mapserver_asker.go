package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/corecast/corecast/mapserver/udp"
)

const (
	// askers are the clients that ask at once, each with a socket and a thread:
	// enough to reach all of the server's workers.
	askers = 4
	// askWindow is how many requests each has open at once; askBatch how many
	// it sends at a time.
	askWindow = 32
	askBatch  = 32
	// answerTimeout is after how long open requests count as lost.
	answerTimeout = 200 * time.Millisecond
)

// asked is what came of some time of asking.
type asked struct {
	answers, lost int
	wall          time.Duration
	latencies     latencies
}

func (r *asked) perSecond() float64 { return float64(r.answers) / r.wall.Seconds() }

// ask has all askers ask a server for the first prefixes, as fast as it
// answers. nonce is where answers have theirs.
func ask(ctx context.Context, server netip.AddrPort, prefixes, nonce int, d time.Duration) (*asked, error) {
	results, errs := make([]*asked, askers), make([]error, askers)
	var wg sync.WaitGroup
	for i := range askers {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			a, err := newAsker(server, prefixes, askWindow, nonce, uint64(i))
			if err != nil {
				errs[i] = err
				return
			}
			defer a.close()
			results[i], errs[i] = a.run(ctx, d)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sum := new(asked)
	for _, r := range results {
		sum.answers += r.answers
		sum.lost += r.lost
		sum.wall = max(sum.wall, r.wall)
		sum.latencies.merge(&r.latencies)
	}
	return sum, nil
}

// asker asks a server for EIDs: it keeps a window of requests open, and sends
// the next when one is answered. One goroutine uses it.
type asker struct {
	server   netip.AddrPort
	socket   *udp.Socket
	receiver *udp.Receiver
	sender   udp.Sender
	request  request
	reply    int // offset of the nonce in answers
	prefixes int // that are asked for, at random
	random   *rand.Rand
	pause    time.Duration // between batches

	memory []byte         // of the requests of a batch
	batch  []udp.Datagram // to be sent
	slots  []openRequest
	free   []int // in slots
}

// openRequest is a request that waits for its answer: its nonce is the slot
// below and the turn above.
type openRequest struct {
	turn uint32
	sent time.Time
	open bool
}

func newAsker(server netip.AddrPort, prefixes, window, nonce int, seed uint64) (*asker, error) {
	from, err := localAddr(server)
	if err != nil {
		return nil, err
	}
	socket, err := udp.OpenSocket(netip.AddrPortFrom(from, 0), 0)
	if err != nil {
		return nil, err
	}
	a := &asker{
		server: server, socket: socket, receiver: socket.NewReceiver(), reply: nonce, prefixes: prefixes,
		random: rand.New(rand.NewPCG(seed, uint64(time.Now().UnixNano()))), slots: make([]openRequest, window),
	}
	if a.request, err = tableRequest(socket.Local()); err != nil {
		socket.Close()
		return nil, err
	}
	a.memory = make([]byte, askBatch*len(a.request.packet))
	for i := range window {
		a.free = append(a.free, i)
	}
	return a, nil
}

func (a *asker) close() { a.socket.Close() }

// run asks for some time.
func (a *asker) run(ctx context.Context, d time.Duration) (*asked, error) {
	result := new(asked)
	start := time.Now()
	for now := start; now.Sub(start) < d && ctx.Err() == nil; now = time.Now() {
		if err := a.send(now); err != nil {
			return nil, err
		}
		if err := a.receive(now, result); err != nil {
			return nil, err
		}
		if a.pause > 0 {
			time.Sleep(a.pause)
		}
	}
	result.wall = time.Since(start)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if result.answers == 0 {
		return nil, fmt.Errorf("%s answered none of %d Map-Requests in %v", a.server, len(a.slots)+result.lost, d)
	}
	return result, nil
}

// send sends requests until the window is full.
func (a *asker) send(now time.Time) error {
	for len(a.free) > 0 {
		a.batch = a.batch[:0]
		for range min(len(a.free), askBatch) {
			slot := a.free[len(a.free)-1]
			a.free = a.free[:len(a.free)-1]
			o := &a.slots[slot]
			*o = openRequest{turn: o.turn + 1, sent: now, open: true}
			a.request.set(uint64(o.turn)<<32|uint64(slot), tableAddr(a.random.IntN(a.prefixes), 1))
			size := len(a.request.packet)
			memory := a.memory[len(a.batch)*size:][:size]
			copy(memory, a.request.packet)
			a.batch = append(a.batch, udp.Datagram{Remote: a.server, Payload: memory})
		}
		if r := a.sender.Send(a.socket, a.batch); r.Sent != len(a.batch) {
			return fmt.Errorf("%d of %d Map-Requests could not be sent to %s: %w", len(a.batch)-r.Sent, len(a.batch), a.server, r.Err)
		}
	}
	return nil
}

// receive takes the answers that are there, waiting for the first.
func (a *asker) receive(now time.Time, result *asked) error {
	if err := a.socket.SetReadDeadline(now.Add(answerTimeout)); err != nil {
		return err
	}
	batch, err := a.receiver.Receive()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		a.giveUp(result)
		return nil
	}
	if err != nil {
		return err
	}
	now = time.Now()
	for i := range batch {
		a.take(now, batch[i].Payload, result)
	}
	return nil
}

func (a *asker) take(now time.Time, packet []byte, result *asked) {
	if len(packet) < a.reply+8 {
		return
	}
	nonce := binary.BigEndian.Uint64(packet[a.reply:])
	slot := int(uint32(nonce))
	if slot >= len(a.slots) || !a.slots[slot].open || a.slots[slot].turn != uint32(nonce>>32) {
		return
	}
	a.slots[slot].open = false
	a.free = append(a.free, slot)
	result.answers++
	result.latencies.add(now.Sub(a.slots[slot].sent))
}

// giveUp counts what is still open as lost.
func (a *asker) giveUp(result *asked) {
	for i := range a.slots {
		if a.slots[i].open {
			a.slots[i].open = false
			a.free = append(a.free, i)
			result.lost++
		}
	}
}
