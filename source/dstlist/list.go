package dstlist

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/wire"
)

// Why a viewer cannot join. Errors wrap these with the viewer.
var (
	// ErrViewer: no viewer of this channel.
	ErrViewer = errors.New("bad viewer")
	// ErrPresent: the viewer is in the list already.
	ErrPresent = errors.New("is in the list already")
	// ErrFull: as many viewers as the source may have.
	ErrFull = errors.New("the list is full")
)

// Viewer is a client that receives the channel.
type Viewer struct {
	EID  netip.Addr
	Port uint16 // UDP port it listens on
	Word Word   // what it says of its domain
	// RLOC and Unicast are its Delivery.
	RLOC    netip.Addr
	Unicast bool
}

// Delivery is how the viewer is served.
func (v Viewer) Delivery() Delivery { return Delivery{v.RLOC, v.Unicast} }

func (v Viewer) String() string { return netip.AddrPortFrom(v.EID, v.Port).String() }

// ID names a viewer's stay in the list. It is not used again soon: a viewer
// that joins anew has another.
type ID uint64

// Options are what a list is made with.
type Options struct {
	// IPv6 is the family of the viewers.
	IPv6 bool
	// ListSize is the most viewers in a header packet, 1 to wire.MaxEntries;
	// 0 means 1.
	ListSize int
	// Limit bounds the viewers; nil means DefaultLimit of this list's own.
	Limit *Limit
	// KeepExpired keeps the viewers that expired until TakeExpired is called.
	KeepExpired bool
}

// List is the viewers of a channel. Its methods may be called by any goroutine,
// those of a round (Begin, Next, End) by one at a time.
type List struct {
	kind      wire.Type
	entrySize int
	listSize  int
	limit     *Limit
	epoch     time.Time // times are kept as durations since then
	keep      bool
	news      chan struct{} // has an item when expired is not empty

	// mu guards everything below. It is held for a bounded time: for one
	// viewer, or for one batch of packets.
	mu      sync.Mutex
	viewers arena
	index   map[key]uint32 // viewer to record
	sites   map[Delivery]*site
	order   []*site // the sites, in order, as of the last Begin
	fresh   []*site // the sites since
	emptied bool    // some site may be empty
	packets int     // packets of a round
	counts  Counts  // but for CoreCast
	wheel   wheel
	expired []Expired

	inRound bool
	cursor  struct{ site, slot int }
	holes   []hole          // slots left during rounds, to be filled between them
	moves   map[ID]Delivery // viewers to be moved between rounds
}

// Expired is a viewer whose lease ended.
type Expired struct {
	ID     ID
	Viewer Viewer
}

// key is a viewer's address: the EID as 16 bytes and the port.
type key [18]byte

func keyOf(v Viewer) (k key) {
	eid := v.EID.As16()
	copy(k[:], eid[:])
	k[16], k[17] = byte(v.Port>>8), byte(v.Port)
	return k
}

// New returns an empty list. It panics on a ListSize that cannot be.
func New(opts Options) *List {
	if opts.ListSize == 0 {
		opts.ListSize = 1
	}
	if opts.ListSize < 1 || opts.ListSize > wire.MaxEntries {
		panic(fmt.Sprintf("dstlist: lists of %d viewers: want 1 to %d", opts.ListSize, wire.MaxEntries))
	}
	if opts.Limit == nil {
		opts.Limit = NewLimit(DefaultLimit)
	}
	l := &List{
		kind: wire.TypeHeader4, entrySize: wire.Entry4Size, listSize: opts.ListSize,
		limit: opts.Limit, keep: opts.KeepExpired,
		epoch: time.Now(), news: make(chan struct{}, 1), viewers: newArena(),
		index: map[key]uint32{}, sites: map[Delivery]*site{},
	}
	if opts.IPv6 {
		l.kind, l.entrySize = wire.TypeHeader6, wire.Entry6Size
	}
	return l
}

// Len returns the number of viewers.
func (l *List) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.index)
}

// IPv6 says of which family the viewers are.
func (l *List) IPv6() bool { return l.kind == wire.TypeHeader6 }

// ListSize is the most viewers in a header packet.
func (l *List) ListSize() int { return l.listSize }

// Join adds a viewer until expires; the zero time means until it leaves. A
// viewer that is there already is ErrPresent, with its ID.
func (l *List) Join(v Viewer, expires time.Time) (ID, error) {
	if err := l.Check(v); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := keyOf(v)
	if at, ok := l.index[k]; ok {
		return l.viewers.id(at), fmt.Errorf("%w: %s", ErrPresent, v)
	}
	if !l.limit.take() {
		return 0, fmt.Errorf("%w: the source has %d viewers, its limit", ErrFull, l.limit.Max())
	}
	at := l.viewers.add()
	l.index[k] = at
	l.placeLocked(at, v)
	l.leaseLocked(at, expires)
	return l.viewers.id(at), nil
}

// Check says why a viewer cannot be one of this list; nil if it can.
func (l *List) Check(v Viewer) error {
	if !v.EID.IsValid() || v.EID.Is6() != l.IPv6() || v.EID.Zone() != "" || v.EID.Is4In6() || v.Port == 0 {
		family := "IPv4"
		if l.IPv6() {
			family = "IPv6"
		}
		return fmt.Errorf("%w: %s port %d: want an %s EID and a port from 1 to 65535", ErrViewer, v.EID, v.Port, family)
	}
	return nil
}

// Renew makes a viewer's lease end at expires, earlier or later than before. It
// reports whether there is such a viewer.
func (l *List) Renew(id ID, expires time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.viewers.find(id)
	if ok {
		l.wheel.remove(&l.viewers, at)
		l.leaseLocked(at, expires)
	}
	return ok
}

// leaseLocked notes when the lease of a record ends.
func (l *List) leaseLocked(at uint32, expires time.Time) {
	r := l.viewers.at(at)
	r.expires = never
	if !expires.IsZero() {
		r.expires = expires.Sub(l.epoch)
		l.wheel.add(&l.viewers, at)
	}
}

// Leave removes a viewer and returns it.
func (l *List) Leave(id ID) (Viewer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.viewers.find(id)
	if !ok {
		return Viewer{}, false
	}
	return l.removeLocked(at), true
}

// removeLocked forgets a record wherever it is noted.
func (l *List) removeLocked(at uint32) Viewer {
	v := l.viewerLocked(at)
	l.wheel.remove(&l.viewers, at)
	l.vacateLocked(at)
	delete(l.index, keyOf(v))
	delete(l.moves, l.viewers.id(at))
	l.viewers.free(at)
	l.limit.give()
	return v
}

// Find returns the ID of the viewer with this address.
func (l *List) Find(eid netip.Addr, port uint16) (ID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.index[keyOf(Viewer{EID: eid, Port: port})]
	if !ok {
		return 0, false
	}
	return l.viewers.id(at), true
}

// Get returns a viewer, and when its lease ends: the zero time for never.
func (l *List) Get(id ID) (v Viewer, expires time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.viewers.find(id)
	if !ok {
		return Viewer{}, time.Time{}, false
	}
	if e := l.viewers.at(at).expires; e != never {
		expires = l.epoch.Add(e)
	}
	return l.viewerLocked(at), expires, true
}

// viewerLocked reads a viewer back from its entry.
func (l *List) viewerLocked(at uint32) Viewer {
	r := l.viewers.at(at)
	entry := r.site.entries[int(r.slot)*l.entrySize:][:l.entrySize]
	to := destinationOf(entry)
	return Viewer{EID: to.Addr(), Port: to.Port(), Word: r.word, RLOC: r.site.RLOC, Unicast: r.site.Unicast}
}

// Expire removes the viewers whose lease ends by now. The rounds call it; a
// list that nobody sends needs somebody else to.
func (l *List) Expire(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expireLocked(now)
}

func (l *List) expireLocked(now time.Time) {
	l.wheel.advance(&l.viewers, now.Sub(l.epoch), func(at uint32) {
		id := l.viewers.id(at)
		v := l.removeLocked(at)
		if !l.keep {
			return
		}
		l.expired = append(l.expired, Expired{id, v})
		select {
		case l.news <- struct{}{}:
		default:
		}
	})
}

// ExpiredNews has an item when there is something to take.
func (l *List) ExpiredNews() <-chan struct{} { return l.news }

// TakeExpired appends the viewers that expired since the last call to dst. With
// Options.KeepExpired it must be called from time to time.
func (l *List) TakeExpired(dst []Expired) []Expired {
	l.mu.Lock()
	defer l.mu.Unlock()
	dst = append(dst, l.expired...)
	l.expired = l.expired[:0]
	if cap(l.expired) > keepCapacity {
		l.expired = nil
	}
	return dst
}

// keepCapacity is how many items of an emptied queue keep their memory.
const keepCapacity = 1 << 12
