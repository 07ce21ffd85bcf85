package mapserver

import (
	"net/netip"
	"sync"
	"time"
)

// holders are the requesters that were told a mapping and may have it cached:
// when it changes they are solicited to ask again (SMR, RFC 9301 §6.1).
type holders struct {
	mu   sync.Mutex
	list []holder // guarded by mu
}

type holder struct {
	rloc  netip.Addr // the ITR-RLOC that the reply went to
	local netip.Addr // the address it was asked at
	until int64      // when the mapping's TTL ends, in nanoseconds since 1970
}

// remember notes that a reply with a mapping went to a requester. Where there
// is no room, the one whose TTL ends first is forgotten.
func (s *Server) remember(m *mapping, rloc, local netip.Addr, now int64) {
	h := m.holders.Load()
	if h == nil {
		h = new(holders)
		if !m.holders.CompareAndSwap(nil, h) {
			h = m.holders.Load()
		}
	}
	until := now + int64(ttlOf(m.record))*int64(time.Minute)
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := 0
	for i := range h.list {
		if h.list[i].rloc == rloc {
			h.list[i].until, h.list[i].local = until, local
			return
		}
		if h.list[i].until < h.list[oldest].until {
			oldest = i
		}
	}
	entry := holder{rloc, local, until}
	switch {
	case len(h.list) > 0 && h.list[oldest].until <= now:
		h.list[oldest] = entry
	case len(h.list) < s.opts.MaxHoldersPerMapping && s.holders.Add(1) <= int64(s.opts.MaxHolders):
		h.list = append(h.list, entry)
	default:
		if len(h.list) < s.opts.MaxHoldersPerMapping {
			s.holders.Add(-1)
		}
		s.counts.holdersForgotten.Add(1)
		if len(h.list) > 0 {
			h.list[oldest] = entry
		}
	}
}

// takeHolders empties a mapping's list of holders and returns who was in it.
func (s *Server) takeHolders(m *mapping) []holder {
	h := m.holders.Load()
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	s.holders.Add(-int64(len(list)))
	return list
}

// copyHolders returns who is in a mapping's list of holders.
func copyHolders(m *mapping) []holder {
	h := m.holders.Load()
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]holder(nil), h.list...)
}
