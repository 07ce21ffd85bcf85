package wire_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/corecast/corecast/wire"
)

// work is every operation that runs once per packet, on buffers made before.
func work(tb testing.TB) map[string]func() {
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	media := make([]byte, 1316)
	id := wire.Identify(1, media)
	one := []netip.AddrPort{netip.MustParseAddrPort("10.1.0.11:5004")}
	full4 := slices.Repeat(one, wire.MaxEntries)
	full6 := slices.Repeat([]netip.AddrPort{netip.MustParseAddrPort("[2001:db8::1]:5004")}, wire.MaxEntries)
	payload, err := wire.AppendPayload(nil, id, media)
	must(err)
	header1, err := wire.AppendHeader4(nil, id, one)
	must(err)
	header4, err := wire.AppendHeader4(nil, id, full4)
	must(err)
	header6, err := wire.AppendHeader6(nil, id, full6)
	must(err)

	buf := make([]byte, 0, wire.MaxPacket)
	var p wire.Payload
	var h4 wire.Header4
	var h6 wire.Header6
	var ports int
	return map[string]func(){
		"Identify1316":    func() { id = wire.Identify(1, media) },
		"EncodePayload":   func() { _, err := wire.AppendPayload(buf, id, media); must(err) },
		"EncodeHeader4x1": func() { _, err := wire.AppendHeader4(buf, id, one); must(err) },
		"EncodeHeader4x32": func() {
			_, err := wire.AppendHeader4(buf, id, full4)
			must(err)
		},
		"EncodeHeader6x32": func() {
			_, err := wire.AppendHeader6(buf, id, full6)
			must(err)
		},
		"DecodePayload":   func() { must(p.Decode(payload)) },
		"DecodeHeader4x1": func() { must(h4.Decode(header1)); ports += int(h4.Viewer(0).Port()) },
		"DecodeHeader4x32": func() {
			must(h4.Decode(header4))
			for v := range h4.Viewers() {
				ports += int(v.Port())
			}
		},
		"DecodeHeader6x32": func() {
			must(h6.Decode(header6))
			for v := range h6.Viewers() {
				ports += int(v.Port())
			}
		},
	}
}

func TestNoAllocation(t *testing.T) {
	for name, f := range work(t) {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	for name, f := range work(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
