package client

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/corecast/corecast/lisp"
)

// ResolverConfig shapes a Resolver.
type ResolverConfig struct {
	// Servers are the Map-Resolvers. One is asked at a time: the one that
	// answered last, and when it does not the next.
	Servers []netip.AddrPort
	// Local is the address of ours to use, the ITR-RLOC of the requests;
	// without it the one that the routes choose.
	Local netip.Addr
	Retry Retry
	// XTR goes along with requests if it is set: it may decide what is answered.
	XTR *lisp.XTR
	// MaxOpen bounds the requests that wait at once; 0 means 4096.
	MaxOpen int
}

const defaultMaxOpen = 4096

// A Resolver asks Map-Resolvers for mappings. Any number of goroutines may use
// it at once, while Run runs.
type Resolver struct {
	config    ResolverConfig
	paths     []*path
	preferred atomic.Int32 // index in paths of the one that answered last
	exchanges *exchanges
	ignored   ignoredCounters
}

// path is a Map-Resolver and the socket it is asked through.
type path struct {
	*conn
	server netip.AddrPort
}

// NewResolver opens a socket for each server. Run must be called, or Close.
func NewResolver(config ResolverConfig) (*Resolver, error) {
	if len(config.Servers) == 0 {
		return nil, errors.New("no Map-Resolver to ask: give the address of one, such as 192.0.2.1:4342")
	}
	if config.MaxOpen <= 0 {
		config.MaxOpen = defaultMaxOpen
	}
	r := &Resolver{config: config, exchanges: newExchanges(config.MaxOpen)}
	for _, server := range config.Servers {
		local := config.Local
		if local.IsValid() && local.Is4() != server.Addr().Is4() {
			local = netip.Addr{}
		}
		c, err := listen(netip.AddrPortFrom(local, 0), server)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("Map-Resolver %s: %w", server, err)
		}
		r.paths = append(r.paths, &path{c, server})
	}
	return r, nil
}

// Close frees the sockets of a Resolver that does not run, and ends Run.
func (r *Resolver) Close() {
	for _, p := range r.paths {
		p.Close()
	}
}

// Run receives until ctx ends.
func (r *Resolver) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(r.paths))
	var wg sync.WaitGroup
	for i, p := range r.paths {
		wg.Go(func() {
			defer cancel() // one without the others is of no use
			var reply lisp.MapReply
			errs[i] = p.serve(ctx, func(from netip.AddrPort, packet []byte) {
				r.ignored.count(r.receive(from, &reply, packet))
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *Resolver) receive(from netip.AddrPort, reply *lisp.MapReply, packet []byte) ignored {
	if lisp.PeekType(packet) != lisp.TypeMapReply {
		return ignoredUnexpected
	}
	if reply.Decode(packet) != nil {
		return ignoredMalformed
	}
	_, why := r.exchanges.deliver(from, reply.Nonce, reply.Records, false)
	return why
}

// Request asks for the mapping of an EID or EID-prefix.
func (r *Resolver) Request(ctx context.Context, eid lisp.EID) (Answer, error) {
	first := int(r.preferred.Load())
	answer, err := r.exchanges.do(ctx, eid, r.config.Retry, func(i int) (netip.AddrPort, func(uint64) error) {
		p := r.paths[(first+i)%len(r.paths)]
		return p.server, func(nonce uint64) error { return p.ask(eid, nonce, r.config.XTR) }
	})
	if i := slices.IndexFunc(r.paths, func(p *path) bool { return p.server == answer.Asked }); err == nil && i >= 0 {
		r.preferred.Store(int32(i))
	}
	return answer, err
}

// ask sends one Map-Request.
func (p *path) ask(eid lisp.EID, nonce uint64, xtr *lisp.XTR) error {
	m := lisp.MapRequest{
		Nonce:   nonce,
		ITRs:    []lisp.Address{{IP: p.local.Addr()}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid)}},
	}
	if xtr != nil {
		m.HasXTR, m.XTR = true, *xtr
	}
	message, err := m.Append(nil)
	if err != nil {
		return err
	}
	packet, err := encapsulate(p.local, p.server, eid, message)
	if err != nil {
		return err
	}
	_, err = p.WriteToUDPAddrPort(packet, p.server)
	return err
}

// Ignored counts the packets that were no answers.
func (r *Resolver) Ignored() Ignored { return r.ignored.snapshot() }
