package bench

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
)

// moves is how often an EID moves to see how soon its subscribers know.
const moves = 1000

// convergence times how long after an EID moved its subscribers have the new
// RLOC: in the server's process, and over UDP.
func (m *mapServerBench) convergence(ctx context.Context) error {
	inProcess, err := movesInProcess(ctx)
	if err != nil {
		return err
	}
	m.addMoves("in process", inProcess)
	return m.withProcess(childConfig{}, func(server *process) error {
		overUDP, err := movesOverUDP(ctx, server.address)
		if err == nil {
			m.addMoves("over UDP", overUDP)
		}
		return err
	})
}

func (m *mapServerBench) addMoves(where string, d []time.Duration) {
	slices.Sort(d)
	for _, q := range []struct {
		name string
		at   int
	}{{"half", len(d) / 2}, {"99 %", len(d) * 99 / 100}} {
		m.report.Results = append(m.report.Results, Result{
			Name: "a moved EID's subscriber knows, " + where + ", " + q.name + " of moves", Unit: "µs", Runs: len(d),
			Value: microseconds(d[q.at]), Min: microseconds(d[0]), Max: microseconds(d[len(d)-1]),
		})
	}
}

// movesInProcess times from the Map-Register to the watcher.
func movesInProcess(ctx context.Context) ([]time.Duration, error) {
	server, err := mapserver.New(time.Now(), []mapserver.Site{benchSite()}, mapserver.Options{})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	watcher := server.Watch(4)
	defer watcher.Close()
	known := make(chan time.Time)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(known)
		for {
			if _, err := watcher.Next(ctx); err != nil {
				return
			}
			known <- time.Now()
		}
	}()
	var out mapserver.Outbox
	var took []time.Duration
	for i := range moves {
		packets, err := tableRegisters(0, 1, i)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		out.Reset()
		server.Handle(start, loopback, loopback.Addr(), packets[0], &out)
		at, ok := <-known
		if !ok {
			return nil, errors.Join(errors.New("the watch ended"), ctx.Err())
		}
		took = append(took, at.Sub(start))
	}
	return took, nil
}

// movesOverUDP times from the sending of the Map-Register to the entry in the
// subscriber's map-cache.
func movesOverUDP(ctx context.Context, server netip.AddrPort) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	first, err := registrarAddr(server)
	if err != nil {
		cancel()
		return nil, err
	}
	var running []<-chan error
	defer func() {
		cancel()
		for _, done := range running {
			<-done
		}
	}()
	start := func(rloc netip.AddrPort, id byte) (*client.XTR, error) {
		x, err := client.NewXTR(client.XTRConfig{
			RLOC: rloc, MapServer: server, ProxyReply: true, XTR: &lisp.XTR{ID: [16]byte{id}},
			KeyID: benchKey.ID, Algorithm: benchKey.Algorithm, Secret: benchKey.Secret,
		})
		if err != nil {
			return nil, err
		}
		done := make(chan error, 1)
		go func() { done <- x.Run(ctx) }()
		running = append(running, done)
		return x, nil
	}
	etr, err := start(first, 1)
	if err != nil {
		return nil, err
	}
	itr, err := start(netip.AddrPortFrom(first.Addr().Next(), first.Port()), 2)
	if err != nil {
		return nil, err
	}
	return follow(ctx, etr, itr)
}

// follow moves an EID of one xTR that another subscribes to.
func follow(ctx context.Context, etr, itr *client.XTR) ([]time.Duration, error) {
	eid := lisp.EIDOf(0, ipv4(tableAddr(0, 1)))
	own := lisp.EIDOf(0, ipv4(tableAddr(1, 1)))
	if err := etr.Register(ctx, client.Mapping(eid, ipv4(rloc(0)))); err != nil {
		return nil, err
	}
	if err := itr.Register(ctx, client.Mapping(own, ipv4(rloc(1)))); err != nil { // who shares a key may subscribe
		return nil, err
	}
	if _, err := itr.Subscribe(ctx, eid); err != nil {
		return nil, err
	}
	var took []time.Duration
	for i := range moves {
		to := ipv4(rloc(2 + i))
		known, errs := make(chan time.Time, 1), make(chan error, 1)
		go func() {
			_, err := itr.Await(ctx, eid, func(r lisp.Record) bool { return len(r.Locators) == 1 && r.Locators[0].Address.IP == to })
			known <- time.Now()
			errs <- err
		}()
		start := time.Now()
		if err := etr.Register(ctx, client.Mapping(eid, to)); err != nil {
			return nil, err
		}
		at := <-known
		if err := <-errs; err != nil {
			return nil, err
		}
		took = append(took, at.Sub(start))
	}
	return took, nil
}
