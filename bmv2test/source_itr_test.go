package bmv2test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/itr"
	"github.com/corecast/corecast/wire/inet"
)

// plainRouter stands in the place of the ITR, and of the kernel of a source that
// does the ITR's work: it makes the outer headers and sends packets to ETRs, by
// their outer destination alone.
type plainRouter struct {
	fig  *Fig2
	sent [][]byte // the IP packets
}

func (r *plainRouter) Send(packets []itr.Packet) (int, error) {
	for _, p := range packets {
		inner := append(bytes.Clone(p.Head[lisp.DataHeaderSize:]), p.Tail...)
		d := 1
		for ; d <= r.fig.Domains && r.fig.RLOC(d) != p.RLOC && r.fig.RLOC6(d) != p.RLOC; d++ {
		}
		from := r.fig.RLOC(0)
		if p.RLOC.Is6() {
			from = r.fig.RLOC6(0)
		}
		tunnel := lisp.Tunnel{Src: from, Dst: p.RLOC}
		frame, err := tunnel.Append(transitEthernet(d, from), inner)
		if err == nil && !bytes.Equal(frame[len(frame)-len(inner)-lisp.DataHeaderSize:][:lisp.DataHeaderSize], p.Head[:lisp.DataHeaderSize]) {
			err = fmt.Errorf("LISP header %x", p.Head[:lisp.DataHeaderSize])
		}
		if err == nil {
			r.sent = append(r.sent, ipOf(frame))
			err = r.fig.Inject(TransitName, SwitchName(d), frame)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(packets), nil
}

func (r *plainRouter) TooLong() (netip.Addr, int) { return netip.Addr{}, 0 }

// hostPort is a host as a source sends by it.
type hostPort struct{ host *Host }

func (h hostPort) Send(frames [][]byte) (int, error) { return len(frames), h.host.Send(frames...) }

// deliveries counts what reaches viewers, and what the ITR sends.
type deliveries struct {
	mu      sync.Mutex // guards all below
	media   map[netip.AddrPort][]byte
	packets [][]byte
}

func (d *deliveries) deliver(frame []byte) {
	var got inet.Datagram
	if got.Decode(ipOf(frame)) != nil || got.Dst.Port() != MediaPort {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.media[got.Dst] = append(d.media[got.Dst], got.Payload...)
}

func (d *deliveries) tap(from, _ string, frame []byte) Verdict {
	if from == ITRName {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.packets = append(d.packets, bytes.Clone(ipOf(frame)))
	}
	return Forward
}

// take waits until each of these viewers has got so many bytes, and takes all.
func (d *deliveries) take(t *testing.T, viewers []dstlist.Viewer, each int) (media map[netip.AddrPort][]byte, packets [][]byte) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		d.mu.Lock()
		missing := slices.ContainsFunc(viewers, func(v dstlist.Viewer) bool {
			return len(d.media[netip.AddrPortFrom(v.EID, v.Port)]) < each
		})
		if !missing || time.Now().After(end) {
			break
		}
		d.mu.Unlock()
	}
	defer d.mu.Unlock()
	media, packets = d.media, d.packets
	d.media, d.packets = map[netip.AddrPort][]byte{}, nil
	return media, packets
}

// TestSourceAsITR delivers Fig. 2 with a plain router in place of the ITR (the
// paper, section 3.4): what the source sends is byte for byte what the ITR would
// have sent, and every viewer gets the media.
func TestSourceAsITR(t *testing.T) {
	const payloads, size, redundancy = 12, 1316, 2
	all := &deliveries{media: map[netip.AddrPort][]byte{}}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	fig, err := NewFig2(ctx, Fig2Options{DualStack: true, Redundancy: redundancy, Tap: all.tap,
		FromDomain: func(_ int, frame []byte) { all.deliver(frame) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fig.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := fig.Program(ctx); err != nil {
		t.Fatal(err)
	}
	media := make([]byte, payloads*size)
	for i := range media {
		media[i] = byte(i / 7)
	}
	first := uint32(1)
	for _, v6 := range []bool{false, true} {
		for _, list := range []int{1, 2, 32} {
			t.Run(fmt.Sprintf("IPv6 %v, lists of %d", v6, list), func(t *testing.T) {
				channel := source.Channel{Name: ChannelName, SourceEID: SourceEID, ReservedEID: ReservedEID, UDPPort: channelPort, PayloadSize: size, List: list}
				if v6 {
					channel.SourceEID, channel.ReservedEID = SourceEID6, ReservedEID6
				}
				viewers := fig.listed(v6)
				play := func(out source.Sender) {
					t.Helper()
					known, err := source.NewViewerList(channel, viewers...)
					if err != nil {
						t.Fatal(err)
					}
					cfg := source.Config{Channel: channel, Viewers: known, Pace: source.PaceNone, Opaque: true, FirstSequence: first}
					report, err := source.Run(ctx, cfg, input.FromReadSeeker("media", bytes.NewReader(media), input.Options{}), out)
					if err != nil || report.Payloads != payloads || report.Unsent != 0 {
						t.Fatalf("%+v, %v", report, err)
					}
				}
				host := fig.Host(SourceName)
				ordinary, err := source.NewFrameSender(hostPort{host}, channel, host.MAC, host.Gateway)
				if err != nil {
					t.Fatal(err)
				}
				play(ordinary)
				_, fromITR := all.take(t, viewers, len(media))

				router := &plainRouter{fig: fig}
				self, err := itr.New(router, itr.Channel{SourceEID: channel.SourceEID, ReservedEID: channel.ReservedEID,
					UDPPort: channelPort, Redundancy: redundancy})
				if err != nil {
					t.Fatal(err)
				}
				play(self)
				first += payloads
				got, _ := all.take(t, viewers, len(media))
				for _, v := range viewers {
					if !bytes.Equal(got[netip.AddrPortFrom(v.EID, v.Port)], media) {
						t.Errorf("%s got %d bytes that are not the media's %d", v, len(got[netip.AddrPortFrom(v.EID, v.Port)]), len(media))
					}
				}
				comparePackets(t, router.sent, fromITR)
				if n := self.Stats(); n.Copies != uint64(payloads*fig.Domains)+n.Repeated || list == 1 && n.Repeated != payloads || n.Unserved != 0 {
					t.Errorf("%+v", n) // of 2, 3 and 2 headers, 3 have a repetition
				}
			})
		}
	}
}

// listed returns the viewers as a source knows them.
func (f *Fig2) listed(v6 bool) (viewers []dstlist.Viewer) {
	for _, v := range f.Viewers {
		at, rloc := v.EID, f.RLOC(v.Domain)
		if f.reachedByIPv6(v.Domain) {
			rloc = f.RLOC6(v.Domain)
		}
		if v6 {
			at = v.EID6
		}
		viewers = append(viewers, dstlist.Viewer{EID: at.Addr(), Port: at.Port(), RLOC: rloc})
	}
	return viewers
}

// comparePackets compares whole IP packets: outer headers, LISP and inside. But for
// the outer source port and flow label, hashes that each makes in its own way.
func comparePackets(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("the source sent %d packets, the ITR %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		mine, its := withoutHashes(t, got[i]), withoutHashes(t, want[i])
		if !bytes.Equal(mine, its) {
			t.Errorf("packet %d differs:\nsource %x\nITR    %x", i, mine[:min(len(mine), 120)], its[:min(len(its), 120)])
			return
		}
	}
}

// withoutHashes returns an encapsulated packet without its outer source port and
// flow label.
func withoutHashes(t *testing.T, packet []byte) []byte {
	t.Helper()
	packet = bytes.Clone(packet)
	at := inet.IPv4Size
	if packet[0]>>4 == 6 {
		at = inet.IPv6Size
		packet[1], packet[2], packet[3] = packet[1]&0xf0, 0, 0
	}
	if packet[at] < 0xc0 {
		t.Errorf("outer source port %x: want a dynamic one", packet[at:at+2])
	}
	packet[at], packet[at+1] = 0, 0
	return packet
}
