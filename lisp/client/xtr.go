package client

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
)

// XTRConfig shapes an XTR.
type XTRConfig struct {
	// RLOC is where the xTR is reached: its locator and, usually, port 4342,
	// to which Map-Servers send what was not asked for. Port 0 takes any.
	RLOC netip.AddrPort
	// MapServer is whom it registers with and subscribes at.
	MapServer netip.AddrPort
	// MapResolver is whom it asks; the Map-Server unless set.
	MapResolver netip.AddrPort

	// KeyID, Algorithm and Secret are the key that is shared with the
	// Map-Server; Truncate sends authentication data of 96 or 128 bits.
	KeyID     uint8
	Algorithm lisp.Algorithm
	Secret    []byte
	Truncate  bool

	// XTR is the xTR-ID and Site-ID that go along, if set. PubSub needs one.
	XTR *lisp.XTR

	ProxyReply bool // ask the Map-Server to answer for us
	UseTTL     bool // registrations last as long as their TTL
	Merge      bool // merge with what other xTRs register

	// Published, if set, is told what Map-Notifies of subscriptions say, in their
	// order, instead of the map-cache; Solicited what SMRs are about, instead of
	// its being asked again. Run calls them: they must not wait.
	Published func([]lisp.Record)
	Solicited func([]lisp.EID)

	Retry Retry
	// MaxCache bounds the map-cache; 0 means 65,536.
	MaxCache int
}

const (
	defaultMaxCache  = 1 << 16
	maxSubscriptions = 1 << 14
	maxOpenRegisters = 1 << 10
	followers        = 4  // Map-Requests that SMRs caused, at once
	followQueue      = 64 // waiting for a follower
)

// An XTR is the control plane of an xTR. Any number of goroutines may use it,
// while Run runs.
type XTR struct {
	config    XTRConfig
	conn      *conn
	key       *lisp.Key
	exchanges *exchanges
	ignored   ignoredCounters
	lastNonce atomic.Uint64 // of Map-Registers and subscriptions: they increase
	follow    chan lisp.EID
	in        decoders // owned by Run

	mu            sync.Mutex                 // guards all below
	database      map[lisp.EID]lisp.Record   // what we registered, to answer for
	registers     map[uint64]chan struct{}   // by nonce: closed by the Map-Notify
	cache         map[lisp.EID]lisp.Record   // map-cache
	subscriptions map[lisp.EID]*subscription // by what was asked for
	following     map[lisp.EID]followState   // EIDs whose SMR is being followed
	changed       chan struct{}              // closed and made anew when the cache changes
	counts        XTRCounts
}

// decoders are what messages are decoded into.
type decoders struct {
	request lisp.MapRequest
	reply   lisp.MapReply
	notify  lisp.MapNotify
	ecm     lisp.ECM
}

// XTRCounts are what an XTR has seen and done.
type XTRCounts struct {
	Acknowledged  uint64 // Map-Notifies that acknowledged a Map-Register
	Requests      uint64 // Map-Requests for our EIDs that were answered
	Encapsulated  uint64 // of which came within an ECM, from a Map-Server
	Probes        uint64 // RLOC-probes answered
	SMRs          uint64
	Publications  uint64 // Map-Notifies of subscriptions
	Repeated      uint64 // of which were known already
	RequestsAfter uint64 // Map-Requests that SMRs caused
}

// NewXTR opens the xTR's socket. Run must be called, or Close.
func NewXTR(config XTRConfig) (*XTR, error) {
	if !config.MapServer.IsValid() {
		return nil, errors.New("no Map-Server to register with: give the address of one, such as 192.0.2.1:4342")
	}
	if !config.MapResolver.IsValid() {
		config.MapResolver = config.MapServer
	}
	if config.MaxCache <= 0 {
		config.MaxCache = defaultMaxCache
	}
	c, err := listen(config.RLOC, config.MapServer)
	if err != nil {
		return nil, fmt.Errorf("xTR: %w", err)
	}
	x := &XTR{
		config: config, conn: c, key: lisp.NewKey(config.Secret),
		exchanges: newExchanges(defaultMaxOpen),
		follow:    make(chan lisp.EID, followQueue),

		database:      map[lisp.EID]lisp.Record{},
		registers:     map[uint64]chan struct{}{},
		cache:         map[lisp.EID]lisp.Record{},
		subscriptions: map[lisp.EID]*subscription{},
		following:     map[lisp.EID]followState{},
		changed:       make(chan struct{}),
	}
	x.lastNonce.Store(uint64(time.Now().UnixNano())) // later than before any restart
	return x, nil
}

// RLOC returns where the xTR is reached.
func (x *XTR) RLOC() netip.AddrPort { return x.conn.local }

// Close frees the socket of an XTR that does not run, and ends Run.
func (x *XTR) Close() error { return x.conn.Close() }

// Run receives and answers until ctx ends.
func (x *XTR) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() { x.followSMRs(ctx) })
	}
	err := x.conn.serve(ctx, func(from netip.AddrPort, packet []byte) {
		x.ignored.count(x.receive(from, packet))
	})
	cancel()
	wg.Wait()
	return err
}

// receive takes one packet.
func (x *XTR) receive(from netip.AddrPort, packet []byte) ignored {
	switch lisp.PeekType(packet) {
	case lisp.TypeMapRequest:
		return x.receiveRequest(from, packet, false)
	case lisp.TypeECM:
		if x.in.ecm.Decode(packet) != nil {
			return ignoredMalformed
		}
		if lisp.PeekType(x.in.ecm.Inner.Message) != lisp.TypeMapRequest {
			return ignoredUnexpected
		}
		return x.receiveRequest(x.in.ecm.Inner.Src, x.in.ecm.Inner.Message, true)
	case lisp.TypeMapReply:
		if x.in.reply.Decode(packet) != nil {
			return ignoredMalformed
		}
		return x.receiveReply(from, &x.in.reply)
	case lisp.TypeMapNotify:
		return x.receiveNotify(from, packet)
	}
	return ignoredUnexpected
}

// nonce returns the next of those that increase.
func (x *XTR) nonce() uint64 { return x.lastNonce.Add(1) }

// after has nonces continue after one that the Map-Server chose: those of a
// subscription are one sequence for both (RFC 9437 §5).
func (x *XTR) after(nonce uint64) {
	for last := x.lastNonce.Load(); int64(nonce-last) > 0; last = x.lastNonce.Load() {
		if x.lastNonce.CompareAndSwap(last, nonce) {
			return
		}
	}
}

func (x *XTR) send(packet []byte, to netip.AddrPort) error {
	_, err := x.conn.WriteToUDPAddrPort(packet, to)
	return err
}

// Ignored counts the packets that were not taken.
func (x *XTR) Ignored() Ignored { return x.ignored.snapshot() }

// Counts returns what the xTR has seen and done.
func (x *XTR) Counts() XTRCounts {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.counts
}

func (x *XTR) count(counter func(*XTRCounts) *uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	*counter(&x.counts)++
}
