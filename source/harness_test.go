package source_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var channel4 = source.Channel{
	Name:        "news",
	SourceEID:   netip.MustParseAddr("10.0.0.10"),
	ReservedEID: netip.MustParseAddr("10.255.0.1"),
	UDPPort:     7000,
}

var channel6 = source.Channel{
	Name:        "news6",
	SourceEID:   netip.MustParseAddr("2001:db8::10"),
	ReservedEID: netip.MustParseAddr("2001:db8:ff::1"),
	UDPPort:     7000,
}

// figure2 is the seven viewers of the paper's Fig. 2.
func figure2(v6 bool) []dstlist.Viewer {
	var list []dstlist.Viewer
	for domain, n := range []int{2, 3, 2} {
		for i := range n {
			eid := netip.AddrFrom4([4]byte{10, byte(domain + 1), 0, byte(i + 11)})
			if v6 {
				eid = netip.MustParseAddr(fmt.Sprintf("2001:db8:%d::%d", domain+1, i+11))
			}
			list = append(list, dstlist.Viewer{EID: eid, Port: 5004, RLOC: rlocOf(domain)})
		}
	}
	return list
}

// rlocOf is the locator of a domain of Fig. 2.
func rlocOf(domain int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(domain + 1)}) }

// receiver is a Sender that reads what it is sent, as strictly as an ITR.
type receiver struct {
	headroom int
	batches  int
	largest  int
	media    bytes.Buffer
	lengths  []int
	rounds   [][]netip.AddrPort // the viewers served with each payload
	packets  []int              // header packets of each payload
	ids      []wire.ID
	fail     error
}

func (r *receiver) Headroom() int { return r.headroom }

func (r *receiver) Send(packets [][]byte) (int, error) {
	r.batches++
	r.largest = max(r.largest, len(packets))
	for i, p := range packets {
		if r.fail != nil {
			return i, r.fail
		}
		clear(p[:r.headroom]) // its own
		if err := r.receive(p[r.headroom:]); err != nil {
			return i, err
		}
	}
	return len(packets), nil
}

func (r *receiver) receive(packet []byte) error {
	var h wire.Header
	if err := h.Decode(packet); err != nil {
		return err
	}
	if h.Type == wire.TypePayload {
		var p wire.Payload
		if err := p.Decode(packet); err != nil {
			return err
		}
		r.media.Write(p.Media)
		r.lengths = append(r.lengths, len(p.Media))
		r.ids = append(r.ids, p.ID)
		r.rounds = append(r.rounds, nil)
		r.packets = append(r.packets, 0)
		return nil
	}
	if len(r.ids) == 0 || h.ID != r.ids[len(r.ids)-1] {
		return fmt.Errorf("header for %+v, which was not the last payload", h.ID)
	}
	last := len(r.rounds) - 1
	r.packets[last]++
	var h4 wire.Header4
	var h6 wire.Header6
	if h4.Decode(packet) == nil {
		r.rounds[last] = slices.AppendSeq(r.rounds[last], h4.Viewers())
		return nil
	}
	err := h6.Decode(packet)
	r.rounds[last] = slices.AppendSeq(r.rounds[last], h6.Viewers())
	return err
}

// config is a channel that runs as fast as it can.
func config(t interface{ Fatal(...any) }, channel source.Channel, viewers []dstlist.Viewer) source.Config {
	list, err := source.NewViewerList(channel, viewers...)
	if err != nil {
		t.Fatal(err)
	}
	return source.Config{Channel: channel, Viewers: list, Pace: source.PaceNone, Opaque: true}
}

func memory(media []byte) input.Input {
	return input.FromReadSeeker("memory", bytes.NewReader(media), input.Options{})
}
