package lisp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func TestPeekType(t *testing.T) {
	for packet, want := range map[string]lisp.Type{"": 0, "\x00": 0, "\x1f": 1, "\x80": 8, "\xff": 15} {
		if got := lisp.PeekType([]byte(packet)); got != want {
			t.Errorf("%x: %d, want %d", packet, got, want)
		}
	}
	if lisp.TypeMapNotifyAck.String() != "Map-Notify-Ack" || lisp.Type(9).String() != "LISP type 9" {
		t.Error(lisp.TypeMapNotifyAck, lisp.Type(9))
	}
}

// Every message is refused when a byte of it is missing or too many.
func TestCut(t *testing.T) {
	for _, name := range vectorNames(t) {
		t.Run(name, func(t *testing.T) {
			packet := vector(t, name)
			m := newMessage(t, lisp.PeekType(packet))
			for n := range len(packet) {
				err := m.Decode(packet[:n])
				open := name == "map-reply-negative" && n >= 28 // its authentication data may have any length
				if err == nil && !open {
					t.Errorf("the first %d of %d bytes are a message", n, len(packet))
				}
				if err != nil && !errors.Is(err, lisp.ErrTruncated) && !errors.Is(err, lisp.ErrInner) {
					t.Errorf("%d of %d bytes: %v", n, len(packet), err)
				}
			}
			err := m.Decode(append(packet, 0))
			if name != "map-reply-negative" && !errors.Is(err, lisp.ErrTrailing) && !errors.Is(err, lisp.ErrInner) {
				t.Errorf("one byte more: %v", err)
			}
		})
	}
}

func TestOtherType(t *testing.T) {
	for _, name := range vectorNames(t) {
		packet := vector(t, name)
		m := newMessage(t, lisp.PeekType(packet))
		packet[0] ^= 0xf0
		if err := m.Decode(packet); !errors.Is(err, lisp.ErrType) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, vector string
		edit         func(b []byte) []byte
		want         error
		says         string
	}{
		{"no records", "map-request", func(b []byte) []byte { b[3] = 0; return b[:len(b)-8] }, lisp.ErrCount, "0 EIDs"},
		{"one record more", "map-request", func(b []byte) []byte { b[3]++; return b }, lisp.ErrTruncated, "record"},
		{"one ITR-RLOC more", "map-request", func(b []byte) []byte { b[2]++; return b }, lisp.ErrAFI, "AFI 32"},
		{"255 records", "map-register-sha1", func(b []byte) []byte { b[3] = 255; return b }, lisp.ErrTruncated, "record"},
		{"255 locators", "map-register-sha1", func(b []byte) []byte { b[40] = 255; return b }, lisp.ErrTruncated, "locator"},
		{"IPv4 mask length 33", "map-request", func(b []byte) []byte { b[len(b)-7] = 33; return b }, lisp.ErrMaskLen, "33 bits of 10.1.0.11"},
		{"IPv4 mask length 255", "map-notify", func(b []byte) []byte { b[53] = 255; return b }, lisp.ErrMaskLen, "255 bits"},
		{"IPv6 mask length 129", "map-register-sha256-128", func(b []byte) []byte { b[37] = 129; return b }, lisp.ErrMaskLen, "129 bits"},
		{"unknown AFI of an EID", "map-notify", func(b []byte) []byte { b[58] = 9; return b }, lisp.ErrAFI, "AFI 2305"},
		{"authentication data beyond the message", "map-notify", func(b []byte) []byte { b[14] = 1; return b }, lisp.ErrTruncated, "authentication data of 288 bytes"},
		{"no I, but xTR-ID", "map-notify", func(b []byte) []byte { b[0] &^= 8; return b }, lisp.ErrTrailing, "24"},
		{"I, but no xTR-ID", "map-register-sha1", func(b []byte) []byte { b[0] |= 2; return b }, lisp.ErrTruncated, "xTR-ID"},
		{"16 signatures do not fit", "map-referral", func(b []byte) []byte { b[20] = 0xf0; return b }, lisp.ErrTruncated, "signature"},
		{"inner TCP", "ecm-ipv4", func(b []byte) []byte { b[13] = 6; return b }, lisp.ErrInner, "protocol 6"},
		{"inner fragment", "ecm-ipv4", func(b []byte) []byte { b[10] = 0x20; return b }, lisp.ErrInner, "fragment"},
		{"inner UDP length", "ecm-ipv4", func(b []byte) []byte { b[29]--; return b }, lisp.ErrInner, "UDP length 39"},
		{"inner version", "ecm-ipv4", func(b []byte) []byte { b[4] = 0x55; return b }, lisp.ErrInner, "version 5"},
		{"inner IPv4 options up to the end", "ecm-ipv4", func(b []byte) []byte { b[4] = 0x4f; return b }, lisp.ErrTruncated, "inner UDP header"},
		{"inner IPv6 extension", "ecm-ipv6-security", func(b []byte) []byte { b[46] = 0; return b }, lisp.ErrInner, "protocol 0"},
		{"unknown LISP-SEC data", "ecm-ipv6-security", func(b []byte) []byte { b[4] = 2; return b }, lisp.ErrSecurity, "type 2"},
		{"LISP-SEC key beyond the message", "ecm-ipv6-security", func(b []byte) []byte { b[8] = 0xff; return b }, lisp.ErrTruncated, "one-time key"},
		{"LISP-SEC EID data too short", "ecm-ipv6-security", func(b []byte) []byte { b[37] = 3; return b }, lisp.ErrSecurity, "length 3"},
		{"LISP-SEC EID data beyond the message", "ecm-ipv6-security", func(b []byte) []byte { b[36] = 0xff; return b }, lisp.ErrTruncated, "LISP-SEC"},
		{"S without data", "ecm-ipv4", func(b []byte) []byte { b[0] |= 8; return b }, lisp.ErrSecurity, "type 69"},
	} {
		t.Run(c.name, func(t *testing.T) {
			packet := vector(t, c.vector)
			m := newMessage(t, lisp.PeekType(packet))
			err := m.Decode(c.edit(packet))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

func TestAppendRefused(t *testing.T) {
	one := []lisp.EIDRecord{{Prefix: prefix("10.0.0.0/8")}}
	itr := []lisp.Address{ip("192.0.2.1")}
	hostBits := lisp.EIDPrefix{Address: ip("10.0.0.1"), MaskLen: 8}
	v4, v6 := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1")
	for name, m := range map[string]message{
		"no ITR-RLOC":           &lisp.MapRequest{Records: one},
		"33 ITR-RLOCs":          &lisp.MapRequest{Records: one, ITRs: make([]lisp.Address, 33)},
		"no record":             &lisp.MapRequest{ITRs: itr},
		"host bits":             &lisp.MapRequest{ITRs: itr, Records: []lisp.EIDRecord{{Prefix: hostBits}}},
		"mask length":           &lisp.MapReply{Records: []lisp.Record{{Prefix: lisp.EIDPrefix{Address: ip("0.0.0.0"), MaskLen: 33}}}},
		"256 records":           &lisp.MapReply{Records: make([]lisp.Record, 256)},
		"256 locators":          &lisp.MapReply{Records: []lisp.Record{{Locators: make([]lisp.Locator, 256)}}},
		"action 8":              &lisp.MapReply{Records: []lisp.Record{{Action: 8}}},
		"map-version 4096":      &lisp.MapReply{Records: []lisp.Record{{MapVersion: 4096}}},
		"data without S":        &lisp.MapReply{Auth: []byte{1}},
		"broken locator":        &lisp.MapReply{Records: []lisp.Record{{Locators: []lisp.Locator{{Address: lisp.Address{Raw: []byte{1}}}}}}},
		"65536 bytes of HMAC":   &lisp.MapRegister{Auth: lisp.Auth{Data: make([]byte, 65536)}},
		"257 records":           &lisp.MapRegister{Records: make([]lisp.Record, 257)},
		"host bits in a notify": &lisp.MapNotify{Records: []lisp.Record{{Prefix: hostBits}}},
		"host bits in an ack":   &lisp.MapNotifyAck{Records: []lisp.Record{{Prefix: hostBits}}},
		"host bits in info":     &lisp.InfoMessage{Prefix: hostBits},
		"16 signatures":         &lisp.MapReferral{Records: []lisp.ReferralRecord{{Signatures: make([]lisp.Signature, 16)}}},
		"no addresses":          &lisp.ECM{},
		"two families":          &lisp.ECM{Inner: lisp.Inner{Src: v4, Dst: v6}},
		"65508 bytes":           &lisp.ECM{Inner: lisp.Inner{Src: v4, Dst: v4, Message: make([]byte, 65508)}},
		"ECM data without S":    &lisp.ECM{Auth: []byte{1}, Inner: lisp.Inner{Src: v4, Dst: v4}},
		"S without its data":    &lisp.ECM{Security: true, Inner: lisp.Inner{Src: v6, Dst: v6}},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := m.Append([]byte("x")); !errors.Is(err, lisp.ErrValue) || string(out) != "x" {
				t.Errorf("%d bytes, %v", len(out), err)
			}
		})
	}
}

// Reserved bits and unused fields are ignored.
func TestReserved(t *testing.T) {
	for name, at := range map[string]map[int]byte{
		"map-request":       {1: 0x2f, 2: 0x80, 42: 0x7f},
		"map-reply":         {0: 0x01, 1: 0xff, 2: 0xff, 18: 0x0f, 19: 0xff, 20: 0xf0, 32: 0xff, 33: 0xf8},
		"map-register-sha1": {0: 0x01, 1: 0xff, 2: 0xe2},
		"map-notify-ack":    {0: 0x07, 1: 0xff, 2: 0xff},
		"ecm-ipv4":          {1: 0xff, 2: 0xff, 3: 0xff},
		"info-request":      {0: 0x07, 1: 0xff, 2: 0xff, 3: 0xff, 40: 0xff},
		"map-referral":      {0: 0x0f, 1: 0xff, 2: 0xff, 18: 0x07, 19: 0xff},
	} {
		packet := vector(t, name)
		plain, noisy := newMessage(t, lisp.PeekType(packet)), newMessage(t, lisp.PeekType(packet))
		if err := plain.Decode(bytes.Clone(packet)); err != nil {
			t.Fatal(err)
		}
		for i, bits := range at {
			packet[i] |= bits
		}
		if err := noisy.Decode(packet); err != nil || describe(plain) != describe(noisy) {
			t.Errorf("%s: got  %s, %v\nwant %s", name, describe(noisy), err, describe(plain))
		}
	}
}

func TestUnsubscribes(t *testing.T) {
	none := lisp.Address{}
	for _, c := range []struct {
		m    lisp.MapRequest
		want bool
	}{
		{lisp.MapRequest{HasXTR: true, ITRs: []lisp.Address{none}}, true},
		{lisp.MapRequest{ITRs: []lisp.Address{none}}, false},
		{lisp.MapRequest{HasXTR: true, ITRs: []lisp.Address{none, none}}, false},
		{lisp.MapRequest{HasXTR: true, ITRs: []lisp.Address{ip("192.0.2.1")}}, false},
	} {
		if got := c.m.Unsubscribes(); got != c.want {
			t.Errorf("%+v: %v", c.m, got)
		}
	}
}

// A Map-Notify acknowledges its Map-Register in the same words.
func TestAppendNotify(t *testing.T) {
	key := lisp.NewKey([]byte("password"))
	for _, name := range []string{"map-register-sha1", "map-register-sha256-128", "map-register-hkdf"} {
		var register lisp.MapRegister
		var notify lisp.MapNotify
		if err := register.Decode(vector(t, name)); err != nil {
			t.Fatal(err)
		}
		packet, err := register.AppendNotify(nil)
		if err == nil {
			err = key.Sign(packet)
		}
		if err == nil {
			err = notify.Decode(packet)
		}
		if err != nil || notify.Nonce != register.Nonce || notify.Auth.KeyID != register.Auth.KeyID ||
			len(notify.Auth.Data) != len(register.Auth.Data) || !bytes.Equal(notify.Encoded, register.Encoded) ||
			len(notify.Records) != len(register.Records) || notify.HasXTR != register.HasXTR || notify.XTR != register.XTR {
			t.Errorf("%s: %+v, %v", name, notify, err)
		}
		var ack lisp.MapNotifyAck
		packet, err = notify.AppendAck(nil)
		if err == nil {
			err = key.Sign(packet)
		}
		if err != nil || key.Verify(packet) != nil || ack.Decode(packet) != nil || ack.Nonce != register.Nonce ||
			!bytes.Equal(ack.Encoded, register.Encoded) {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
}

// A Map-Reply can be put together from records that are encoded already.
func TestReplyOfEncodedRecords(t *testing.T) {
	packet := vector(t, "map-reply")
	m := lisp.MapReply{Nonce: binary.BigEndian.Uint64(packet[4:])}
	if got := append(m.AppendHeader(nil, 1), packet[12:]...); !bytes.Equal(got, packet) {
		t.Errorf("%x", got)
	}
	var r lisp.Record
	rest, err := r.Decode(append(packet[12:], 1, 2))
	if err != nil || !bytes.Equal(rest, []byte{1, 2}) || len(r.Locators) != 2 {
		t.Errorf("%+v, %x, %v", r, rest, err)
	}
}

func TestLifetime(t *testing.T) {
	for ttl, want := range map[uint32]time.Duration{0: 0, 15: 15 * time.Minute, 153_722_868: 153_722_867 * time.Minute, 0xfffffffe: 153_722_867 * time.Minute} {
		if got, ok := (&lisp.Record{TTL: ttl}).Lifetime(); got != want || !ok {
			t.Errorf("%d: %v, %v", ttl, got, ok)
		}
	}
	if _, ok := (&lisp.Record{TTL: lisp.TTLForever}).Lifetime(); ok {
		t.Error("TTLForever ends")
	}
}

func TestEID(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3":                 "10.1.2.3/32",
		"10.1.2.3/16":              "10.1.0.0/16",
		"[7]10.1.0.0/16":           "[7]10.1.0.0/16",
		"[0]2001:db8::1":           "2001:db8::1/128",
		"[4294967295]2001:db8::/0": "[4294967295]::/0",
	} {
		got, err := lisp.ParseEID(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
		p := lisp.PrefixOf(got)
		if back, ok := p.EID(); !ok || back != got {
			t.Errorf("%q: %v, %v", text, back, ok)
		}
	}
	for _, text := range []string{"", "[", "[]10.0.0.1", "[-1]10.0.0.1", "[4294967296]10.0.0.1", "7]10.0.0.1",
		"10.0.0.1/33", "10.0.0", "fe80::1%eth0", "[7]", "[7]x/8"} {
		if got, err := lisp.ParseEID(text); err == nil || got != (lisp.EID{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if e, ok := (&lisp.EIDPrefix{Address: lisp.Address{Raw: []byte("\x00\x11x\x00")}}).EID(); ok {
		t.Error(e)
	}
}
