package demo

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/corecast/corecast/wire"
)

// lossModel decides which transit packets are lost. The decision is a hash of
// what the packet is, so that a run with the same seed loses the same packets
// whatever the timing.
type lossModel struct {
	threshold uint64 // packets whose hash is below are lost
	seed      uint64
}

func newLossModel(probability float64, seed uint64) lossModel {
	m := lossModel{seed: seed}
	switch {
	case probability >= 1:
		m.threshold = math.MaxUint64
	case probability > 0:
		m.threshold = uint64(probability * math.MaxUint64)
	}
	return m
}

// loses reports whether the index-th packet (from 0) of its kind for this
// sequence towards this RLOC is lost.
func (m lossModel) loses(sequence uint32, rloc netip.Addr, kind wire.Type, index uint32) bool {
	if m.threshold == 0 {
		return false
	}
	addr := rloc.As16()
	h := mix(m.seed)
	h = mix(h ^ uint64(sequence)<<32 ^ uint64(index))
	h = mix(h ^ binary.BigEndian.Uint64(addr[:8]))
	h = mix(h ^ binary.BigEndian.Uint64(addr[8:]))
	h = mix(h ^ uint64(kind))
	return h < m.threshold
}

// mix is the finalizer of SplitMix64: a bijection of 64 bits in which every
// input bit changes every output bit with probability one half.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
