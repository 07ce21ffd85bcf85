package mapserver

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// Server is a Map-Server and Map-Resolver. Any number of goroutines may use it
// at once, each with its own Outbox.
//
// Lock order: configuring, xtr.mu, mu, and last those of single lists
// (holders, rejectLog, site, notifier, smrQueue, watchers), of which nobody
// holds two.
type Server struct {
	opts   Options
	epoch  time.Time // see steady
	counts serverCounts
	log    *rejectLog // of what belongs to no site

	requestRate  *limiter // Map-Requests, by source and by where their replies go
	reflectRate  *limiter // bytes of Map-Replies, by where they go, if the Map-Request came from elsewhere
	registerRate *limiter // records of Map-Registers, by source
	known        *acquaintances
	forgedKnown  *limiter // kilobytes of forged Map-Registers, by known source
	forgedOthers *limiter // the same for all other sources together
	forgedDrawn  *limiter // the same for some of these, by lot, when that is used up
	smrRate      *limiter // SMRs, by requester and EID-prefix
	holders      atomic.Int64
	swept        lisp.EID // how far sweepHolders got: Tick's

	configuring sync.Mutex // held by SetSites
	sites       atomic.Pointer[registry]

	mu sync.RWMutex // guards db, and orders the changes that others are told of
	db *database

	subs     *subscriptions // guarded by mu
	notifier notifier
	smrs     smrQueue
	watchers watchers
	persist  *persister       // nil without a store
	graves   map[string]int64 // since when what was registered under a key is withdrawn, for a while; guarded by mu
	restored store.Revision   // of the store; Follow goes on from there
	// leftOut says that something of the store could not be taken, resited that the
	// sites are others since.
	leftOut, resited atomic.Bool
	turn             atomic.Uint32
}

type serverCounts struct {
	requests, requestedEIDs, replies, negative, forwarded, upstream, referrals atomic.Uint64
	registers, records, notifies                                               atomic.Uint64
	publications, retransmissions, acks, unacknowledged, smrs                  atomic.Uint64
	changes, expired, subscribed, unsubscribed, holdersForgotten, resynced     atomic.Uint64
	unrestored, merged                                                         atomic.Uint64
	dropped                                                                    [numCauses]atomic.Uint64
}

// New makes a Server of some sites. With a store it restores what was
// registered and has not timed out by now. Close it.
func New(now time.Time, sites []Site, opts Options) (*Server, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	s := &Server{
		opts: opts, epoch: now, log: newRejectLog(), db: newDatabase(), subs: newSubscriptions(), graves: map[string]int64{}, known: newAcquaintances(),
		smrRate: &limiter{cells: make([]atomic.Int64, limiterCells), seed: maphash.MakeSeed(), interval: int64(smrInterval)},
	}
	if opts.RequestRate > 0 {
		s.requestRate = newLimiter(limiterCells, opts.RequestRate, time.Second)
	}
	if opts.ReflectedRate > 0 {
		s.reflectRate = newLimiter(limiterCells, opts.ReflectedRate, time.Second)
	}
	if opts.RegisterRate > 0 {
		s.registerRate = newLimiter(limiterCells, opts.RegisterRate, time.Second)
	}
	if opts.ForgedRate > 0 {
		s.forgedKnown = newLimiter(limiterCells, opts.ForgedRate, time.Second)
		s.forgedOthers = newLimiter(1, opts.ForgedRate, time.Second)
		s.forgedDrawn = newLimiter(1, max(opts.ForgedRate/16, 1), time.Second)
	}
	s.notifier.rate = newLimiter(limiterCells, notifyRate, time.Second)
	s.notifier.retried = newLimiter(1, retryRate, 50*time.Millisecond)
	s.sites.Store(&registry{})
	if err := s.SetSites(sites); err != nil {
		return nil, err
	}
	if opts.Store != nil {
		if err := s.restore(now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close writes what the store does not have yet, and ends all watches. The
// server must not be used after; the store is the caller's.
func (s *Server) Close() error {
	s.watchers.close()
	if s.persist == nil {
		return nil
	}
	return s.persist.close()
}

// Handle takes one packet: the payload of a UDP datagram that came from an
// address to a local one, port 4342. It appends what is to be sent to out. It
// keeps nothing of packet, and does not change it.
func (s *Server) Handle(now time.Time, from netip.AddrPort, local netip.Addr, packet []byte, out *Outbox) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	now = s.steady(now)
	c := &out.scratch.call
	*c = call{now: now, from: from, local: local.Unmap(), packet: packet, out: out}
	switch t := lisp.PeekType(packet); t {
	case lisp.TypeECM:
		s.handleECM(c)
	case lisp.TypeMapRequest:
		c.replyPort = from.Port()
		s.handleMapRequest(c, packet)
	case lisp.TypeMapRegister:
		s.handleMapRegister(c)
	case lisp.TypeMapNotifyAck:
		s.handleMapNotifyAck(c)
	case lisp.TypeMapReply:
		s.drop(c, causeMapReply)
	case lisp.TypeInfo:
		s.drop(c, causeInfo)
	default:
		s.drop(c, causeType)
	}
	s.sendWaiting(now, out, promptBudget)
}

// steady returns a time that no setting of the machine's clock moves: as much
// after the server's start as now is by its monotonic reading. A clock that is
// set forward must not time out all registrations at once.
func (s *Server) steady(now time.Time) time.Time { return s.epoch.Add(now.Sub(s.epoch)) }

// call is a packet on its way through the server.
type call struct {
	now    time.Time
	from   netip.AddrPort
	local  netip.Addr
	packet []byte
	out    *Outbox

	// What a Map-Request came in, if it did.
	ecm       *lisp.ECM
	replyPort uint16
}

// Budgets: how many datagrams that a change gave rise to are sent along with
// the packet that made it, and how many things one Tick does.
const (
	promptBudget = 64
	tickBudget   = 1024
)

// Tick does what is due at a time: registrations time out, Map-Notifies are
// sent again, notifications and SMRs that did not fit a Handle go out. It does
// a bounded part, and returns true if there is more to do at once. Call it
// every 10 ms or so, from one goroutine.
func (s *Server) Tick(now time.Time, out *Outbox) (more bool) {
	now = s.steady(now)
	s.sweepHolders(now.UnixNano())
	more = s.expire(now)
	budget := tickBudget
	more = s.retransmit(now, out, &budget) || more
	return s.sendWaiting(now, out, budget) || more
}

// sendWaiting sends notifications and SMRs that wait, up to a number; true if
// more wait.
func (s *Server) sendWaiting(now time.Time, out *Outbox, budget int) bool {
	more := s.publish(now, out, &budget)
	return s.sendSMRs(now, out, &budget) || more
}

// drop counts a message that nobody is told about on the wire.
func (s *Server) drop(c *call, why cause) {
	s.counts.dropped[why].Add(1)
	s.log.add(c.now, c.from, "", why, lisp.EID{}, func() string { return causes[why].meaning })
}
