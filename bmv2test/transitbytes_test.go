package bmv2test

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/corecast/corecast/bench"
	"github.com/corecast/corecast/wire/inet"
)

// eq3 is the paper's equation 3 for one payload: the bytes that n sites of k
// viewers cost in transit, with HL bytes of LISP headers, HCC bytes of a header
// packet and PCC of a payload packet.
func eq3(sites, headers, HL, HCC, PCC uint64) uint64 {
	return sites*(HL+PCC) + headers*(HL+HCC)
}

// crossed is what one payload took in transit, in IP bytes.
type crossed struct{ copies, headers, copyBytes, headerBytes uint64 }

func (c crossed) total() uint64 { return c.copyBytes + c.headerBytes }

// transitMeter is a network whose transit segment is measured.
type transitMeter struct {
	*T
	size      int // bytes of media
	now       crossings
	delivered atomic.Uint64
}

// crossings are the counts while they grow.
type crossings struct{ copies, headers, copyBytes, headerBytes atomic.Uint64 }

func newTransitMeter(t *testing.T, domains int, dualStack bool, size int) *transitMeter {
	t.Helper()
	m := &transitMeter{size: size}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	fig, err := NewFig2(ctx, Fig2Options{
		Clients: domains, Domains: domains, DualStack: dualStack,
		Tap: func(from, _ string, frame []byte) Verdict {
			if from == ITRName {
				m.count(frame)
			}
			return Forward
		},
		FromDomain: func(int, []byte) { m.delivered.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fig.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := fig.Program(ctx); err != nil {
		t.Fatal(err)
	}
	m.T = &T{T: t, stage: &stage{fig: fig}, ctx: t.Context(), six: dualStack}
	return m
}

func (m *transitMeter) count(frame []byte) {
	bytes := uint64(len(frame) - inet.EthernetSize)
	if len(frame) > m.size {
		m.now.copies.Add(1)
		m.now.copyBytes.Add(bytes)
	} else {
		m.now.headers.Add(1)
		m.now.headerBytes.Add(bytes)
	}
}

func (m *transitMeter) crossed() crossed {
	return crossed{m.now.copies.Load(), m.now.headers.Load(), m.now.copyBytes.Load(), m.now.headerBytes.Load()}
}

// measure sends one payload to all viewers, site by site, in lists of up to n,
// and returns what passed the transit segment.
func (m *transitMeter) measure(sites []int, n int) crossed {
	m.Helper()
	payload := m.media(m.size)
	frames, total := [][]byte{m.payload(payload)}, 0
	for d, viewers := range sites {
		// One host a site stands for its viewers: they differ by port, which
		// costs the same.
		eid := m.at(m.fig.Viewers[d]).Addr()
		for first := 0; first < viewers; first += n {
			var list []netip.AddrPort
			for i := first; i < min(first+n, viewers); i++ {
				list = append(list, addrPort(eid, uint16(5000+i)))
			}
			frames = append(frames, m.header(payload, list...))
		}
		total += viewers
	}
	before, want := m.crossed(), m.delivered.Load()+uint64(total)
	m.send(SourceName, frames...)
	m.until("everything is delivered", func() bool { return m.delivered.Load() >= want })
	after := m.crossed()
	return crossed{after.copies - before.copies, after.headers - before.headers,
		after.copyBytes - before.copyBytes, after.headerBytes - before.headerBytes}
}

// Sizes of ours, in IP bytes: outer headers, then a header packet of one viewer
// and a payload packet without its media.
const (
	lisp4, lisp6       = 36, 56
	header4, header6   = 46, 78
	framing4, framing6 = 40, 60
)

// The audiences are measured with this much media a payload, as in the paper.
const paperMedia = 1200

// TestTransitBytes holds the bytes on the wire to equation 3, and what lists of
// 32 save to what we say of them.
func TestTransitBytes(t *testing.T) {
	even := bench.Even(640, 20)
	t.Run("IPv4", func(t *testing.T) {
		want := eq3(20, 640, lisp4, header4, framing4+paperMedia)
		checkAudience(newTransitMeter(t, 20, false, paperMedia), even, want, 8)
	})
	t.Run("IPv6", func(t *testing.T) { // the last domain's outer headers are IPv6, too
		want := eq3(19, 19*32, lisp4, header6, framing6+paperMedia) + eq3(1, 32, lisp6, header6, framing6+paperMedia)
		checkAudience(newTransitMeter(t, 20, true, paperMedia), even, want, 5)
	})
	t.Run("the paper's audience", func(t *testing.T) {
		if testing.Short() {
			t.Skip("201 switches are too many for a short run")
		}
		want := eq3(bench.PaperSites, bench.PaperViewers, lisp4, header4, framing4+paperMedia)
		checkAudience(newTransitMeter(t, bench.PaperSites, false, paperMedia),
			bench.Skewed(bench.PaperViewers, bench.PaperSites), want, 4)
	})
}

// checkAudience measures an audience with single headers, which must take so
// many bytes, and with lists of 32, whose header bytes must be less by a factor.
func checkAudience(m *transitMeter, audience bench.Audience, want, factor uint64) {
	m.Helper()
	sites := uint64(len(audience))
	single, lists := m.measure(audience, 1), m.measure(audience, 32)
	if single.total() != want || single.copies != sites {
		m.Errorf("single headers took %+v: %d bytes, equation 3 with our sizes says %d", single, single.total(), want)
	}
	if lists.copies != sites || lists.headerBytes*factor > single.headerBytes {
		m.Errorf("lists of 32 took %+v, single headers %+v; want at most 1/%d of the header bytes", lists, single, factor)
	}
	viewers := uint64(audience.Viewers())
	unicast := viewers * uint64(lisp4+inet.HeaderSize(m.reserved().Addr())+m.size)
	m.Logf("%d viewers in %d sites, %d bytes of media: %d bytes with single headers (%d in headers), %d with lists (%d in headers, 1/%.1f)",
		viewers, sites, m.size, single.total(), single.headerBytes, lists.total(), lists.headerBytes,
		float64(single.headerBytes)/float64(lists.headerBytes))
	m.Logf("equation 3 with the paper's sizes (HL=20, HCC=60, PCC=1200): %d; LISP unicast: %d (%s and %s as much)",
		eq3(sites, viewers, 20, 60, 1200), unicast, times(unicast, single.total()), times(unicast, lists.total()))
}

func times(a, b uint64) string { return fmt.Sprintf("%.2f×", float64(a)/float64(b)) }
