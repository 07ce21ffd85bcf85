package lisp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
)

func lcafAddress(t testing.TB, l lisp.LCAF) lisp.Address {
	t.Helper()
	a, err := lisp.LCAFAddress(l)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// lcafVectors are LCAFs after the diagrams of RFC 8060, with their AFI.
func lcafVectors() map[string]lisp.LCAF {
	return map[string]lisp.LCAF{
		"4003 0000 01 00 0018 0001 c0000215 0002 20010db8000000000000000000000015": &lisp.AFIList{
			Addresses: []lisp.Address{ip("192.0.2.21"), ip("2001:db8::15")}},
		"4003 0000 01 00 0000":                            &lisp.AFIList{},
		"4003 0000 01 00 0008 4005 020000000001":          &lisp.AFIList{Addresses: []lisp.Address{{Raw: []byte("\x40\x05\x02\x00\x00\x00\x00\x01")}}},
		"4003 0000 01 00 0007 0011 6370652d00":            &lisp.AFIList{Addresses: []lisp.Address{{Raw: []byte("\x00\x11cpe-\x00")}}},
		"4003 0000 02 18 0006 00000700 0000":              &lisp.InstanceID{MaskLen: 24, ID: 0x700},
		"4003 0000 02 20 000c 00000007 4005 020000000001": &lisp.InstanceID{ID: 7, Address: lisp.Address{Raw: []byte("\x40\x05\x02\x00\x00\x00\x00\x01")}},
		"4003 0000 03 00 000a 0000fde8 0001 c0000215":     &lisp.ASNumber{AS: 65000, Address: ip("192.0.2.21")},
		"4003 0000 04 00 0012 0000b811 10f8 10f8 0000 ffff 0001 c0000215": &lisp.AppData{TOS: 0xb8, Protocol: 17,
			LocalLow: 4344, LocalHigh: 4344, RemoteHigh: 65535, Address: ip("192.0.2.21")},
		"4003 0000 05 00 0012 80291705 00020a0c 00000078 0001 c0000215": &lisp.Geo{North: true,
			Latitude: lisp.Angle{Degrees: 41, Minutes: 23, Seconds: 5}, Longitude: lisp.Angle{Degrees: 2, Minutes: 10, Seconds: 12},
			Altitude: 120, Address: ip("192.0.2.21")},
		"4003 0000 05 00 000e 00000000 80b40000 7fffffff 0000": &lisp.Geo{East: true,
			Longitude: lisp.Angle{Degrees: 180}, Altitude: lisp.NoAltitude},
		"4003 0000 07 00 0014 10f6 c350 0001 cb007105 0001 c0000203 0001 0a010002": nil, // the length is short
		"4003 0000 07 00 0016 10f6 c350 0001 cb007105 0001 c0000203 0001 0a010002": &lisp.NAT{MSPort: 4342, ETRPort: 50000,
			GlobalETR: ip("203.0.113.5"), MS: ip("192.0.2.3"), PrivateETR: ip("10.1.0.2")},
		"4003 0000 0a 00 0010 0005 0001 c0000201 0002 0001 c0000202": &lisp.ELP{Hops: []lisp.Hop{
			{Lookup: true, Strict: true, Address: ip("192.0.2.1")}, {Probe: true, Address: ip("192.0.2.2")}}},
		"4003 0000 0c 00 001c 0000 10 20 0001 0a010000 0002 20010db8000000000000000000000000": &lisp.SourceDest{
			Source: prefix("10.1.0.0/16"), Dest: prefix("2001:db8::/32")},
		"4003 0000 0e 00 001c 0018 7b22636f726563617374223a312c226c697374223a33327d 0000": &lisp.JSON{
			Text: []byte(`{"corecast":1,"list":32}`)},
		"4003 0000 0e 01 0007 0001 7b 0001 c000":     nil, // half an address
		"4003 0000 0e 01 0009 0001 7b 0001 c0000215": &lisp.JSON{Binary: true, Text: []byte("{"), Address: ip("192.0.2.21")},
		"4003 0000 10 05 0003 010203":                &lisp.OpaqueLCAF{Kind: 16, Rsvd2: 5, Body: []byte{1, 2, 3}},
		"4003 0000 00 00 0000":                       &lisp.OpaqueLCAF{},
	}
}

func unspace(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestLCAF(t *testing.T) {
	for text, want := range lcafVectors() {
		t.Run(text, func(t *testing.T) {
			raw := unhex(t, unspace(text))
			got, err := lisp.ParseLCAF(lisp.Address{Raw: raw})
			if want == nil {
				if err == nil {
					t.Errorf("got %+v", got)
				}
				return
			}
			if err != nil || fmt.Sprintf("%T%+v", got, got) != fmt.Sprintf("%T%+v", want, want) {
				t.Fatalf("got %+v, %v, want %+v", got, err, want)
			}
			if again := lcafAddress(t, want); !bytes.Equal(again.Raw, raw) {
				t.Errorf("encoded to %x", again.Raw)
			}
		})
	}
}

// addressField decodes one address as the last field of an Info message.
func addressField(t testing.TB, field []byte) (lisp.Address, error) {
	t.Helper()
	m := lisp.InfoMessage{Reply: true}
	packet, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Decode(append(packet[:len(packet)-2], field...))
	return m.Address, err
}

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		name, field string
		want        lisp.Address
		text        string
	}{
		{"nothing", "0000", lisp.Address{}, "none"},
		{"IPv4", "0001 0a010203", ip("10.1.2.3"), "10.1.2.3"},
		{"IPv6", "0002 20010db8000000000000000000000001", ip("2001:db8::1"), "2001:db8::1"},
		{"IPv4-mapped is IPv6", "0002 00000000000000000000ffff0a010203", ip("::ffff:10.1.2.3"), "::ffff:10.1.2.3"},
		{"instance and IPv4", "4003 0000 02 20 000a 00000007 0001 0a010203",
			lisp.Address{IP: netip.MustParseAddr("10.1.2.3"), InstanceID: 7, HasInstance: true}, "[7]10.1.2.3"},
		{"instance 0 and IPv6", "4003 0000 02 20 0016 00000000 0002 20010db8000000000000000000000001",
			lisp.Address{IP: netip.MustParseAddr("2001:db8::1"), HasInstance: true}, "[0]2001:db8::1"},
		{"instance of 32 bits", "4003 0000 02 20 000a ff000007 0001 0a010203",
			lisp.Address{IP: netip.MustParseAddr("10.1.2.3"), InstanceID: 0xff000007, HasInstance: true}, "[4278190087]10.1.2.3"},
		{"range of instances", "4003 0000 02 18 0006 00000700 0000", lisp.Address{}, "LCAF 2"},
		{"name", "0011 6370652d726f7574657200", lisp.Address{}, `"cpe-router"`},
		{"MAC", "4005 020000000001", lisp.Address{}, "020000000001"},
		{"802", "0006 020000000001", lisp.Address{}, "020000000001"},
		{"EUI-64", "4006 0200000000000001", lisp.Address{}, "0200000000000001"},
		{"unknown LCAF", "4003 0000 c8 00 0003 010203", lisp.Address{}, "LCAF 200"},
		{"null LCAF", "4003 0000 00 00 0000", lisp.Address{}, "LCAF 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			field := unhex(t, unspace(c.field))
			if c.want.AFI() == lisp.AFINone && len(field) > 2 {
				c.want.Raw = field
			}
			got, err := addressField(t, field)
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) || got.String() != c.text {
				t.Fatalf("got %+v %q, %v, want %+v %q", got, &got, err, c.want, c.text)
			}
			again, err := (&lisp.InfoMessage{Address: got}).Append(nil)
			if err != nil || !bytes.HasSuffix(again, field) {
				t.Errorf("encoded to %x, %v", again, err)
			}
		})
	}
}

func TestAddressRefused(t *testing.T) {
	for _, c := range []struct {
		name, field string
		want        error
	}{
		{"half an AFI", "00", lisp.ErrTruncated},
		{"half an IPv4 address", "0001 0a01", lisp.ErrTruncated},
		{"half an IPv6 address", "0002 20010db8", lisp.ErrTruncated},
		{"half a MAC address", "4005 0200", lisp.ErrTruncated},
		{"name without end", "0011 637065", lisp.ErrTruncated},
		{"AFI 18, whose length is anybody's guess", "0012 00000000", lisp.ErrAFI},
		{"half an LCAF header", "4003 0000 02", lisp.ErrTruncated},
		{"LCAF that is longer than the message", "4003 0000 c8 00 0004 010203", lisp.ErrTruncated},
		{"LCAF that is shorter than its bytes", "4003 0000 c8 00 0002 010203", lisp.ErrTrailing},
		{"half an instance-id", "4003 0000 02 00 0003 000000", lisp.ErrLCAF},
		{"instance-id without an AFI", "4003 0000 02 00 0004 00000007", lisp.ErrLCAF},
		{"instance-id with half an address", "4003 0000 02 00 0008 00000007 0001 0a01", lisp.ErrLCAF},
		{"instance-id with more than an address", "4003 0000 02 00 000c 00000007 0001 0a010203 0000", lisp.ErrLCAF},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := addressField(t, unhex(t, unspace(c.field))); !errors.Is(err, c.want) {
				t.Errorf("got %+v, %v, want %v", got, err, c.want)
			}
		})
	}
	for _, a := range []lisp.Address{
		{IP: netip.MustParseAddr("10.0.0.1"), InstanceID: 1},
		{IP: netip.MustParseAddr("10.0.0.1"), Raw: []byte{0, 0}},
		{HasInstance: true},
		{Raw: []byte{0}},
		{Raw: []byte{0, 0}},
		{Raw: []byte{0, 1, 10, 0, 0, 1}}, // would decode to IP
		{Raw: []byte{0x40, 5, 1, 2, 3, 4, 5, 6, 7}},
	} {
		if out, err := (&lisp.InfoMessage{Address: a}).Append([]byte("x")); !errors.Is(err, lisp.ErrValue) || string(out) != "x" {
			t.Errorf("%+v: %x, %v", a, out, err)
		}
	}
}

func TestLCAFRefused(t *testing.T) {
	for _, a := range []lisp.Address{{}, ip("10.0.0.1"), {Raw: []byte("\x00\x11x\x00")}, {Raw: []byte{0x40, 3, 0, 0, 1}}} {
		if l, err := lisp.ParseLCAF(a); !errors.Is(err, lisp.ErrLCAF) {
			t.Errorf("%+v: %+v, %v", a, l, err)
		}
	}
	for text, want := range map[string]error{
		"4003 0000 01 00 0002 0012":                                   lisp.ErrAFI,
		"4003 0000 01 00 0003 000000":                                 lisp.ErrTruncated,
		"4003 0000 02 21 0006 00000700 0000":                          lisp.ErrMaskLen,
		"4003 0000 03 00 0008 0000fde8 0000 0000":                     lisp.ErrLCAF,
		"4003 0000 05 00 000e 005b0000 00000000 00000000 0000":        lisp.ErrLCAF, // 91 degrees
		"4003 0000 05 00 000e 00003c00 00000000 00000000 0000":        lisp.ErrLCAF, // 60 minutes
		"4003 0000 0c 00 0010 0000 21 20 0001 0a010000 0001 0a020000": lisp.ErrMaskLen,
		"4003 0000 0e 00 0004 0009 7b7d":                              lisp.ErrTruncated,
	} {
		if l, err := lisp.ParseLCAF(lisp.Address{Raw: unhex(t, unspace(text))}); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v, want %v", text, l, err, want)
		}
	}
	for _, l := range []lisp.LCAF{
		&lisp.InstanceID{MaskLen: 33},
		&lisp.InstanceID{MaskLen: 8, ID: 1},
		&lisp.InstanceID{MaskLen: 8, Address: ip("10.0.0.1")},
		&lisp.AppData{TOS: 1 << 24},
		&lisp.Geo{Latitude: lisp.Angle{Degrees: 91}},
		&lisp.Geo{Longitude: lisp.Angle{Seconds: 60}},
		&lisp.JSON{Text: make([]byte, 65536)},
		&lisp.JSON{Text: make([]byte, 65535)},
		&lisp.OpaqueLCAF{Kind: lisp.LCAFJSON},
		&lisp.SourceDest{Source: lisp.EIDPrefix{Address: ip("10.0.0.1"), MaskLen: 8}},
	} {
		if a, err := lisp.LCAFAddress(l); !errors.Is(err, lisp.ErrValue) {
			t.Errorf("%T: %d bytes, %v", l, len(a.Raw), err)
		}
	}
}

// An instance-id around an IP address is an address of its own, not Raw.
func TestInstanceIDFolds(t *testing.T) {
	a := lcafAddress(t, &lisp.InstanceID{ID: 7, Address: ip("10.0.0.1")})
	if a.InstanceID != 7 || !a.HasInstance || a.Raw != nil || a.IP != netip.MustParseAddr("10.0.0.1") || a.LCAFType() != 2 {
		t.Fatalf("%+v", a)
	}
	l, err := lisp.ParseLCAF(a)
	if id, ok := l.(*lisp.InstanceID); err != nil || !ok || id.ID != 7 || id.Address.IP != a.IP || id.Address.HasInstance {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestAppendIPs(t *testing.T) {
	list := func(of ...lisp.Address) lisp.Address { return lcafAddress(t, &lisp.AFIList{Addresses: of}) }
	hop := lisp.Hop{Address: ip("192.0.2.4")}
	deep := ip("192.0.2.9")
	for range 4 {
		deep = list(deep)
	}
	for _, c := range []struct {
		name   string
		in     lisp.Address
		want   string
		hidden bool
		err    error
	}{
		{"none", lisp.Address{}, "[]", false, nil},
		{"IP", ip("192.0.2.1"), "[192.0.2.1]", false, nil},
		{"name", lisp.Address{Raw: []byte("\x00\x11x\x00")}, "[]", false, nil},
		{"list", list(ip("192.0.2.1"), ip("2001:db8::1")), "[192.0.2.1 2001:db8::1]", false, nil},
		{"list with more in it", list(ip("192.0.2.1"), lcafAddress(t, &lisp.ELP{Hops: []lisp.Hop{hop, hop}})),
			"[192.0.2.1 192.0.2.4 192.0.2.4]", false, nil},
		{"unknown LCAF", lcafAddress(t, &lisp.OpaqueLCAF{Kind: 200}), "[]", true, nil},
		{"unknown LCAF in a list", list(lcafAddress(t, &lisp.OpaqueLCAF{Kind: 200}), ip("192.0.2.1")), "[192.0.2.1]", true, nil},
		{"broken LCAF in a list", list(lisp.Address{Raw: unhex(t, "4003000003000000")}), "[]", true, lisp.ErrTruncated},
		{"4 levels", deep, "[192.0.2.9]", false, nil},
		{"5 levels", list(deep), "[]", true, lisp.ErrLCAF},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, hidden, err := c.in.AppendIPs(nil)
			if fmt.Sprint(got) != c.want && c.err == nil || hidden != c.hidden || !errors.Is(err, c.err) {
				t.Errorf("got %v, %v, %v, want %s, %v, %v", got, hidden, err, c.want, c.hidden, c.err)
			}
		})
	}
}
