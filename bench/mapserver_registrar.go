package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver/udp"
)

const (
	// registerWindow is how many Map-Registers wait for their Map-Notify at
	// once: as many as surely fit the server's receive buffer.
	registerWindow = 64
	// notifyTimeout is how long the next Map-Notify may take.
	notifyTimeout = 5 * time.Second
	// registered is how many prefixes are registered in one turn.
	registered = 100_000
)

// registers times Map-Registers of prefixes that are there: the same again, and
// moved to other RLOCs; without a store and with one.
func (m *mapServerBench) registers(ctx context.Context) error {
	records := min(registered, m.o.Sizes[len(m.o.Sizes)-1])
	directory, err := os.MkdirTemp("", "corecast-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	for _, where := range []struct{ name, store string }{
		{"in memory", ""},
		{"kept in a store", "file:" + filepath.Join(directory, "corecast.db")},
	} {
		err := m.withProcess(childConfig{Store: where.store}, func(server *process) error {
			if err := server.fill(0, records); err != nil {
				return err
			}
			generation := 0
			for _, what := range []struct {
				name string
				move int
			}{{"refreshed", 0}, {"moved", 1}} {
				var rates []float64
				for range m.o.Turns {
					generation = (generation + what.move) % 2
					packets, err := tableRegisters(0, records, generation)
					if err != nil {
						return err
					}
					took, err := register(server.address, packets)
					if err != nil {
						return err
					}
					rates = append(rates, float64(records)/took.Seconds())
				}
				m.report.addSeries(series{fmt.Sprintf("records %s, %s", what.name, where.name), "/s", rates})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// register sends Map-Registers, a window of them open at a time, until each is
// acknowledged. It returns how long that took.
func register(server netip.AddrPort, packets [][]byte) (time.Duration, error) {
	from, err := registrarAddr(server)
	if err != nil {
		return 0, err
	}
	socket, err := udp.OpenSocket(from, 0)
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	receiver, sender := socket.NewReceiver(), new(udp.Sender)
	start := time.Now()
	sent, acknowledged := 0, 0
	var batch []udp.Datagram
	for acknowledged < len(packets) {
		batch = batch[:0]
		for ; sent < len(packets) && sent-acknowledged < registerWindow; sent++ {
			batch = append(batch, udp.Datagram{Remote: server, Payload: packets[sent]})
		}
		if r := sender.Send(socket, batch); r.Sent != len(batch) {
			return 0, fmt.Errorf("%d of %d Map-Registers could not be sent to %s: %w", len(batch)-r.Sent, len(batch), server, r.Err)
		}
		if err := socket.SetReadDeadline(time.Now().Add(notifyTimeout)); err != nil {
			return 0, err
		}
		got, err := receiver.Receive()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, fmt.Errorf("%s acknowledged %d of %d Map-Registers, and then no more", server, acknowledged, len(packets))
		}
		if err != nil {
			return 0, err
		}
		for i := range got {
			if lisp.PeekType(got[i].Payload) == lisp.TypeMapNotify {
				acknowledged++
			}
		}
	}
	return time.Since(start), nil
}

// registrarAddr is where Map-Notifies come to: port 4342, on loopback of an
// address that nobody else is likely to use.
func registrarAddr(server netip.AddrPort) (netip.AddrPort, error) {
	pid := os.Getpid()
	from := netip.AddrFrom4([4]byte{127, byte(64 + pid>>8%64), byte(pid), 1})
	if server.Addr().IsLoopback() && server.Addr().Is4() && canBind(from) {
		return netip.AddrPortFrom(from, lisp.ControlPort), nil
	}
	from, err := localAddr(server)
	return netip.AddrPortFrom(from, lisp.ControlPort), err
}

func canBind(addr netip.Addr) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// localAddr is the address of ours that packets to a server leave from.
func localAddr(server netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("no way to %s: %w", server, err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
