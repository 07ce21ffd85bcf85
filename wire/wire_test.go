package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/corecast/corecast/wire"
	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The check value of CRC-32/IEEE, and the packet that carries the same bytes.
func TestGolden(t *testing.T) {
	media := []byte("123456789")
	if got := wire.Hash(media); got != 0xcbf43926 {
		t.Fatalf("Hash(%q) = %08x, want cbf43926", media, got)
	}
	id := wire.Identify(7, media)
	four := netip.MustParseAddrPort("10.1.0.11:5004")
	six := netip.MustParseAddrPort("[2001:db8:1::11]:5004")
	for name, c := range map[string]struct {
		encode func([]byte) ([]byte, error)
		want   string
	}{
		"PAYLOAD": {
			func(b []byte) ([]byte, error) { return wire.AppendPayload(b, id, media) },
			"11000009" + "00000007" + "cbf43926" + "313233343536373839",
		},
		"HEADER4": {
			func(b []byte) ([]byte, error) { return wire.AppendHeader4(b, id, []netip.AddrPort{four}) },
			"12010009" + "00000007" + "cbf43926" + "0a01000b" + "138c",
		},
		"HEADER6": {
			func(b []byte) ([]byte, error) { return wire.AppendHeader6(b, id, []netip.AddrPort{six}) },
			"13010009" + "00000007" + "cbf43926" + "20010db8000100000000000000000011" + "138c",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.encode([]byte("before"))
			if err != nil {
				t.Fatal(err)
			}
			if want := append([]byte("before"), unhex(t, c.want)...); !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	const id9 = "00000007cbf43926"
	media := "313233343536373839"
	for _, c := range []struct {
		name, packet string
		want         error
	}{
		{"empty", "", wire.ErrTruncated},
		{"half a header", "110000090000", wire.ErrTruncated},
		{"version 0", "01000009" + id9 + media, wire.ErrVersion},
		{"version 2", "21000009" + id9 + media, wire.ErrVersion},
		{"type 0", "10000009" + id9 + media, wire.ErrType},
		{"type 4", "14000009" + id9 + media, wire.ErrType},
		{"PAYLOAD with a count", "11010009" + id9 + media, wire.ErrCount},
		{"PAYLOAD without media", "11000000" + id9, wire.ErrLength},
		{"PAYLOAD of 1473 bytes", "110005c1" + id9 + media, wire.ErrLength},
		{"truncated PAYLOAD", "11000009" + id9 + media[2:], wire.ErrTruncated},
		{"PAYLOAD with a tail", "11000009" + id9 + media + "00", wire.ErrLength},
		{"PAYLOAD with one bit wrong", "11000009" + id9 + "303233343536373839", wire.ErrHash},
		{"HEADER4 without viewers", "12000009" + id9, wire.ErrCount},
		{"HEADER4 of 33 viewers", "12210009" + id9, wire.ErrCount},
		{"HEADER4 naming an empty payload", "12010000" + id9 + "0a01000b138c", wire.ErrLength},
		{"HEADER4 naming a payload of 1473 bytes", "120105c1" + id9 + "0a01000b138c", wire.ErrLength},
		{"HEADER4 whose count does not fit", "12020009" + id9 + "0a01000b138c", wire.ErrTruncated},
		{"HEADER4 with a tail", "12010009" + id9 + "0a01000b138c00", wire.ErrLength},
		{"HEADER6 with an IPv4 entry", "13010009" + id9 + "0a01000b138c", wire.ErrTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			packet := unhex(t, c.packet)
			h := wire.Header{Type: 9, Count: 9, ID: wire.ID{Sequence: 9}}
			p := wire.Payload{Media: packet}
			errHeader, errPayload := h.Decode(packet), p.Decode(packet)
			if !errors.Is(errPayload, c.want) {
				t.Errorf("Payload.Decode: %v, want %v", errPayload, c.want)
			}
			// Only the hash is beyond the header.
			if wantHeader := c.want != wire.ErrHash; (errHeader != nil) != wantHeader {
				t.Errorf("Header.Decode: %v", errHeader)
			}
			if errHeader != nil && h != (wire.Header{}) {
				t.Errorf("Header.Decode failed and left %+v", h)
			}
			if p.Media != nil || p.ID != (wire.ID{}) {
				t.Errorf("Payload.Decode failed and left %+v", p)
			}
		})
	}
}

func TestTypesAreNotMixedUp(t *testing.T) {
	id := wire.Identify(1, []byte{1})
	payload, err4 := wire.AppendPayload(nil, id, []byte{1})
	header, err6 := wire.AppendHeader6(nil, id, []netip.AddrPort{netip.MustParseAddrPort("[::1]:1")})
	if err := errors.Join(err4, err6); err != nil {
		t.Fatal(err)
	}
	h4 := wire.Header4{ID: wire.ID{Sequence: 3}}
	if err := h4.Decode(payload); !errors.Is(err, wire.ErrType) || h4.Len() != 0 || h4.ID != (wire.ID{}) {
		t.Errorf("Header4.Decode(PAYLOAD) = %v, left %+v", err, h4)
	}
	if err := h4.Decode(header); !errors.Is(err, wire.ErrType) {
		t.Errorf("Header4.Decode(HEADER6) = %v", err)
	}
	var h6 wire.Header6
	if err := h6.Decode(payload); !errors.Is(err, wire.ErrType) {
		t.Errorf("Header6.Decode(PAYLOAD) = %v", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := wire.Identify(1, []byte{1})
	v4 := netip.MustParseAddrPort("10.0.0.1:1")
	v6 := netip.MustParseAddrPort("[2001:db8::1]:1")
	zone := netip.MustParseAddrPort("[fe80::1%eth0]:1")
	long := make([]byte, wire.MaxPayload+1)
	for name, c := range map[string]struct {
		encode func(dst []byte) ([]byte, error)
		want   error
	}{
		"no media":         {func(d []byte) ([]byte, error) { return wire.AppendPayload(d, wire.Identify(1, nil), nil) }, wire.ErrLength},
		"1473 bytes":       {func(d []byte) ([]byte, error) { return wire.AppendPayload(d, wire.Identify(1, long), long) }, wire.ErrLength},
		"media of another": {func(d []byte) ([]byte, error) { return wire.AppendPayload(d, good, []byte{1, 2}) }, wire.ErrLength},
		"no viewer":        {func(d []byte) ([]byte, error) { return wire.AppendHeader4(d, good, nil) }, wire.ErrCount},
		"33 viewers": {func(d []byte) ([]byte, error) {
			return wire.AppendHeader4(d, good, slices.Repeat([]netip.AddrPort{v4}, 33))
		}, wire.ErrCount},
		"257 viewers": {func(d []byte) ([]byte, error) {
			return wire.AppendHeader6(d, good, slices.Repeat([]netip.AddrPort{v6}, 257))
		}, wire.ErrCount},
		"IPv6 in a HEADER4": {func(d []byte) ([]byte, error) { return wire.AppendHeader4(d, good, []netip.AddrPort{v4, v6}) }, wire.ErrViewer},
		"IPv4 in a HEADER6": {func(d []byte) ([]byte, error) { return wire.AppendHeader6(d, good, []netip.AddrPort{v6, v4}) }, wire.ErrViewer},
		"zone":              {func(d []byte) ([]byte, error) { return wire.AppendHeader6(d, good, []netip.AddrPort{zone}) }, wire.ErrViewer},
		"empty ID":          {func(d []byte) ([]byte, error) { return wire.AppendHeader4(d, wire.ID{}, []netip.AddrPort{v4}) }, wire.ErrLength},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.encode([]byte("before"))
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if string(got) != "before" {
				t.Errorf("the buffer became %q", got)
			}
		})
	}
}

func genViewers(t *rapid.T, v6 bool) []netip.AddrPort {
	n := rapid.IntRange(1, wire.MaxEntries).Draw(t, "viewers")
	list := make([]netip.AddrPort, n)
	for i := range list {
		port := rapid.Uint16().Draw(t, "port")
		size := 4
		if v6 {
			size = 16
		}
		addr, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "eid"))
		list[i] = netip.AddrPortFrom(addr, port)
	}
	return list
}

func genMedia(t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.Byte(), 1, wire.MaxPayload).Draw(t, "media")
}

// Everything that can be encoded decodes to what it was.
func TestDecodeUndoesEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		media := genMedia(t)
		id := wire.Identify(rapid.Uint32().Draw(t, "sequence"), media)

		packet, err := wire.AppendPayload(nil, id, media)
		if err != nil {
			t.Fatal(err)
		}
		var p wire.Payload
		if err := p.Decode(packet); err != nil || p.ID != id || !bytes.Equal(p.Media, media) {
			t.Fatalf("PAYLOAD %+v came back as %+v, %v", id, p, err)
		}

		viewers := genViewers(t, false)
		if packet, err = wire.AppendHeader4(nil, id, viewers); err != nil {
			t.Fatal(err)
		}
		var h4 wire.Header4
		if err := h4.Decode(packet); err != nil || h4.ID != id || !slices.Equal(slices.Collect(h4.Viewers()), viewers) {
			t.Fatalf("HEADER4 came back as %+v, %v", h4, err)
		}

		viewers = genViewers(t, true)
		if packet, err = wire.AppendHeader6(nil, id, viewers); err != nil {
			t.Fatal(err)
		}
		var h6 wire.Header6
		if err := h6.Decode(packet); err != nil || h6.ID != id || !slices.Equal(slices.Collect(h6.Viewers()), viewers) {
			t.Fatalf("HEADER6 came back as %+v, %v", h6, err)
		}
	})
}

// reencode decodes packet as whatever it says it is and encodes it again.
func reencode(packet []byte) ([]byte, error) {
	var h wire.Header
	if err := h.Decode(packet); err != nil {
		return nil, err
	}
	switch h.Type {
	case wire.TypePayload:
		var p wire.Payload
		if err := p.Decode(packet); err != nil {
			return nil, err
		}
		return wire.AppendPayload(nil, p.ID, p.Media)
	case wire.TypeHeader4:
		var h4 wire.Header4
		if err := h4.Decode(packet); err != nil {
			return nil, err
		}
		return wire.AppendHeader4(nil, h4.ID, slices.Collect(h4.Viewers()))
	default:
		var h6 wire.Header6
		if err := h6.Decode(packet); err != nil {
			return nil, err
		}
		return wire.AppendHeader6(nil, h6.ID, slices.Collect(h6.Viewers()))
	}
}

func checkReencode(t interface{ Fatalf(string, ...any) }, packet []byte) {
	again, err := reencode(packet)
	if err != nil {
		return
	}
	if !bytes.Equal(again, packet) {
		t.Fatalf("decoded %x,\nencoded %x", packet, again)
	}
}

// Everything that decodes encodes to the very same bytes: damaged packets too.
func TestEncodeUndoesDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		media := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "media")
		id := wire.Identify(rapid.Uint32().Draw(t, "sequence"), media)
		var packet []byte
		switch rapid.IntRange(0, 2).Draw(t, "type") {
		case 0:
			packet, _ = wire.AppendPayload(nil, id, media)
		case 1:
			packet, _ = wire.AppendHeader4(nil, id, genViewers(t, false))
		default:
			packet, _ = wire.AppendHeader6(nil, id, genViewers(t, true))
		}
		for range rapid.IntRange(0, 3).Draw(t, "damage") {
			packet[rapid.IntRange(0, len(packet)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		checkReencode(t, packet)
	})
}

func FuzzDecode(f *testing.F) {
	media := []byte("123456789")
	id := wire.Identify(7, media)
	v4, v6 := netip.MustParseAddrPort("10.1.0.11:5004"), netip.MustParseAddrPort("[2001:db8::1]:5004")
	payload, _ := wire.AppendPayload(nil, id, media)
	header4, _ := wire.AppendHeader4(nil, id, []netip.AddrPort{v4, v4})
	header6, _ := wire.AppendHeader6(nil, id, slices.Repeat([]netip.AddrPort{v6}, wire.MaxEntries))
	for _, seed := range [][]byte{payload, header4, header6, payload[:11], nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, packet []byte) { checkReencode(t, packet) })
}
