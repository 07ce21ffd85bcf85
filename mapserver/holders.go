package mapserver

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/lisp"
)

// holders are the requesters that were told a mapping and may have it cached:
// when it changes they are solicited to ask again (SMR, RFC 9301 §6.1). Most
// mappings have one at most.
type holders struct {
	mu    sync.Mutex
	first holder   // guarded by mu; the zero holder: there are none
	more  []holder // guarded by mu
}

type holder struct {
	rloc   shortAddr // the ITR-RLOC that the reply went to
	local  shortAddr // the address it was asked at
	source shortAddr // the source EID it asked with last, in the mapping's instance; may be none
	until  int64     // when the mapping's TTL ends, in nanoseconds since 1970
	within bool      // it was told what is within the mapping, too
}

// shortAddr is an IP address without zone, in two thirds of the memory of a
// netip.Addr: every mapping has room for a holder. Unspecified is none.
type shortAddr [16]byte

func shorten(a netip.Addr) shortAddr {
	if !a.IsValid() || a.IsUnspecified() {
		return shortAddr{}
	}
	return a.As16()
}

func (a shortAddr) addr() netip.Addr {
	if a == (shortAddr{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(a).Unmap()
}

// remember notes that a reply with a mapping went to a requester. Where there
// is no room, the one whose TTL ends first is forgotten.
func (s *Server) remember(m *mapping, entry holder, now int64) {
	entry.until = now + int64(ttlOf(m.record))*int64(time.Minute)
	h := &m.holders
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := &h.first
	for i := range h.countLocked() {
		have := h.atLocked(i)
		if have.rloc == entry.rloc {
			entry.within = entry.within || have.within && have.until > now
			*have = entry
			return
		}
		if have.until < oldest.until {
			oldest = have
		}
	}
	switch n := h.countLocked(); {
	case n > 0 && oldest.until <= now:
		*oldest = entry
	case n < s.opts.MaxHoldersPerMapping && s.holders.Add(1) <= int64(s.opts.MaxHolders):
		h.addLocked(entry)
	default:
		if n < s.opts.MaxHoldersPerMapping {
			s.holders.Add(-1)
		}
		s.counts.holdersForgotten.Add(1)
		if n > 0 {
			*oldest = entry
		}
	}
}

func (h *holders) countLocked() int {
	if h.first == (holder{}) {
		return 0
	}
	return 1 + len(h.more)
}

func (h *holders) atLocked(i int) *holder {
	if i == 0 {
		return &h.first
	}
	return &h.more[i-1]
}

func (h *holders) addLocked(entry holder) {
	if h.first == (holder{}) {
		h.first = entry
		return
	}
	h.more = append(h.more, entry)
}

// listLocked returns a copy of all.
func (h *holders) listLocked() []holder {
	n := h.countLocked()
	if n == 0 {
		return nil
	}
	return append(append(make([]holder, 0, n), h.first), h.more...)
}

// inherit takes over the holders of a mapping that is replaced.
func (h *holders) inherit(old *holders) {
	old.mu.Lock()
	defer old.mu.Unlock()
	h.first, h.more = old.first, old.more
	old.first, old.more = holder{}, nil
}

// takeHolders empties a mapping's list of holders and returns who was in it.
func (s *Server) takeHolders(m *mapping) []holder {
	h := &m.holders
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.listLocked()
	h.first, h.more = holder{}, nil
	s.holders.Add(-int64(len(list)))
	return list
}

// appendHolders appends who is in a mapping's list of holders, and not in the list
// yet: all, or those who were told what is within the mapping.
func appendHolders(list []holder, m *mapping, all bool) []holder {
	h := &m.holders
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.countLocked() {
		have := h.atLocked(i)
		if (all || have.within) && !slices.ContainsFunc(list, func(o holder) bool { return o.rloc == have.rloc }) {
			list = append(list, *have)
		}
	}
	return list
}

// sweepChunk is how many mappings a Tick looks at for holders whose TTL is over.
const sweepChunk = 256

// sweepHolders makes room for holders, once half of it is taken, by forgetting
// those whose TTL is over: some mappings at a time, round and round.
func (s *Server) sweepHolders(now int64) {
	if s.holders.Load() <= int64(s.opts.MaxHolders/2) {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n, last := 0, lisp.EID{}
	for m := range s.db.after(s.swept) {
		s.holders.Add(-int64(m.holders.forget(now)))
		last = m.eid
		if n++; n == sweepChunk {
			s.swept = last
			return
		}
	}
	s.swept = lisp.EID{}
}

// forget drops those whose TTL is over, and returns how many.
func (h *holders) forget(now int64) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.countLocked()
	h.more = slices.DeleteFunc(h.more, func(o holder) bool { return o.until <= now })
	if h.first.until <= now {
		h.first = holder{}
		if n := len(h.more); n > 0 {
			h.first, h.more = h.more[n-1], h.more[:n-1]
		}
	}
	if len(h.more) == 0 {
		h.more = nil
	}
	return before - h.countLocked()
}
