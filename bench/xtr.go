package bench

import (
	"net/netip"
	"time"

	"github.com/corecast/corecast/wire"
)

// Options says how long to measure.
type Options struct {
	Turns int           // slices of each workload
	Slice time.Duration // of one workload at a time
}

// DefaultOptions measure for a few seconds.
func DefaultOptions() Options { return Options{Turns: 41, Slice: 20 * time.Millisecond} }

// Units of the results.
const (
	perPacket = "ns/packet sent"
	perViewer = "ns/viewer"
	perInput  = "ns/packet received"
)

// itrLoads are the workloads of an ITR with an audience.
type itrLoads struct {
	plain, lisp, lispViewer, single, lists, fullLists, payload *load
}

func newITRLoads(a Audience) (*itrLoads, error) {
	itr, err := newITR(len(a))
	if err != nil {
		return nil, err
	}
	var m maker
	single, viewers := m.itrRounds(a, 1), a.Viewers()
	lists, unicast := m.itrRounds(a, wire.MaxEntries), m.unicast(a, netip.Addr{})
	sent := single[0].want
	even := Even(640, 20)
	media := []round{m.media(a)}
	on := func(name string, rounds []round, per int) *load {
		return &load{name: name, plane: itr, port: localPort, rounds: rounds, per: per}
	}
	return &itrLoads{
		plain:      on("plain IP forwarding, same sizes", m.unicast(a, plainHost), sent),
		lisp:       on("LISP unicast, same sizes", unicast, sent),
		lispViewer: on("LISP unicast of the media", media, viewers),
		single:     on("CoreCast ITR, copies included", single, sent),
		lists:      on("CoreCast ITR, lists of 32", lists, viewers),
		fullLists:  on("CoreCast ITR, lists of 32, 640 viewers in 20 sites", m.itrRounds(even, wire.MaxEntries), even.Viewers()),
		payload:    on("payload into the store", m.payloadRounds(), channelRounds),
	}, m.err
}

// ITR measures CPU time at the ITR for the paper's audience.
func ITR(o Options) (*Report, error) {
	l, err := newITRLoads(Skewed(PaperViewers, PaperSites))
	if err != nil {
		return nil, err
	}
	if err := measure([]*load{l.plain, l.lisp, l.single, l.lispViewer, l.lists, l.fullLists, l.payload}, o.Turns, o.Slice); err != nil {
		return nil, err
	}
	r := newReport()
	r.add(l.plain, perPacket)
	r.add(l.lisp, perPacket, l.plain)
	r.add(l.single, perPacket, l.lisp, l.plain)
	r.add(l.lispViewer, perViewer)
	r.add(l.lists, perViewer, l.lispViewer)
	r.add(l.fullLists, perViewer, l.lispViewer)
	r.add(l.payload, perInput, l.lisp)
	return r, nil
}

// etrViewers is how many viewers the ETR's site has.
const etrViewers = 256

// etrLoads are the workloads of an ETR.
type etrLoads struct{ lisp, single, lists *load }

func newETRLoads(viewers int) (*etrLoads, error) {
	etr, err := newETR(viewers)
	if err != nil {
		return nil, err
	}
	var m maker
	on := func(name string, rounds []round) *load {
		return &load{name: name, plane: etr, port: transitPort, rounds: rounds, per: viewers}
	}
	return &etrLoads{
		lisp:   on("LISP unicast of the media, decapsulated", m.delivered(viewers)),
		single: on("CoreCast ETR, single headers", m.etrRounds(viewers, 1)),
		lists:  on("CoreCast ETR, lists of 32", m.etrRounds(viewers, wire.MaxEntries)),
	}, m.err
}

// ETR measures CPU time at an ETR: a viewer's packet made of a header, beside
// one that came whole.
func ETR(o Options) (*Report, error) {
	l, err := newETRLoads(etrViewers)
	if err != nil {
		return nil, err
	}
	if err := measure([]*load{l.lisp, l.single, l.lists}, o.Turns, o.Slice); err != nil {
		return nil, err
	}
	r := newReport()
	r.add(l.lisp, perViewer)
	r.add(l.single, perViewer, l.lisp)
	r.add(l.lists, perViewer, l.lisp)
	return r, nil
}
