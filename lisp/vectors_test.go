package lisp_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// message is what all control messages are.
type message interface {
	Decode(packet []byte) error
	Append(dst []byte) ([]byte, error)
}

// newMessage returns an empty message of the type.
func newMessage(t testing.TB, of lisp.Type) message {
	t.Helper()
	switch of {
	case lisp.TypeMapRequest:
		return new(lisp.MapRequest)
	case lisp.TypeMapReply:
		return new(lisp.MapReply)
	case lisp.TypeMapRegister:
		return new(lisp.MapRegister)
	case lisp.TypeMapNotify:
		return new(lisp.MapNotify)
	case lisp.TypeMapNotifyAck:
		return new(lisp.MapNotifyAck)
	case lisp.TypeMapReferral:
		return new(lisp.MapReferral)
	case lisp.TypeInfo:
		return new(lisp.InfoMessage)
	case lisp.TypeECM:
		return new(lisp.ECM)
	}
	t.Fatalf("no message of type %d", of)
	return nil
}

// describe writes all fields of a message, so that nil and empty slices are
// the same; what Encoded aliases is compared elsewhere.
func describe(m message) string {
	switch m := m.(type) {
	case *lisp.MapRegister:
		c := *m
		c.Encoded = nil
		return fmt.Sprintf("%+v", c)
	case *lisp.MapNotify:
		c := *m
		c.Encoded = nil
		return fmt.Sprintf("%+v", c)
	case *lisp.MapNotifyAck:
		c := *m
		c.Encoded = nil
		return fmt.Sprintf("%+v", c)
	}
	return fmt.Sprintf("%+v", m)
}

// vector reads testdata/name.hex.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	return unhex(t, hexDigits(string(text)))
}

// hexDigits returns a text without its spaces and its comments, from # to the
// end of a line.
func hexDigits(text string) string {
	var digits strings.Builder
	for line := range strings.Lines(text) {
		digits.WriteString(strings.Join(strings.Fields(strings.SplitN(line, "#", 2)[0]), ""))
	}
	return digits.String()
}

// vectorNames returns the names of all files of testdata.
func vectorNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in testdata: %v", err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".hex")
	}
	return files
}

func ip(s string) lisp.Address { return lisp.Address{IP: netip.MustParseAddr(s)} }

func prefix(s string) lisp.EIDPrefix {
	e, err := lisp.ParseEID(s)
	if err != nil {
		panic(err)
	}
	return lisp.PrefixOf(e)
}

// The bytes in testdata were written from the diagrams of the RFCs, and their
// HMACs were made with openssl dgst and openssl kdf; here is what they mean.
func vectorMeanings(t testing.TB) map[string]message {
	auth := func(name string, id uint8, algorithm lisp.Algorithm, size int) lisp.Auth {
		return lisp.Auth{KeyID: id, Algorithm: algorithm, Data: vector(t, name)[16 : 16+size]}
	}
	xtr := lisp.XTR{ID: [16]byte(unhex(t, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")), Site: [8]byte{7: 9}}
	plain := lisp.Record{Prefix: prefix("10.1.0.0/16"), TTL: 10}
	capability, err := lisp.Capability{Version: 1, List: 32}.Locator()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]message{
		"map-request": &lisp.MapRequest{Nonce: 0x0123456789abcdef, Source: ip("10.0.0.10"),
			ITRs:    []lisp.Address{ip("192.0.2.10"), ip("2001:db8::a")},
			Records: []lisp.EIDRecord{{Prefix: prefix("10.1.0.11/32")}}},
		"map-request-flags": &lisp.MapRequest{Authoritative: true, Probe: true, SMR: true, PITR: true,
			SMRInvoked: true, LocalXTR: true, DontReply: true, Nonce: 7,
			ITRs: []lisp.Address{ip("192.0.2.10")},
			Records: []lisp.EIDRecord{{Notify: true, Prefix: prefix("10.1.2.0/24")},
				{Prefix: prefix("[7]2001:db8:1::/48")}},
			HasMapping: true, Mapping: lisp.Record{TTL: 1440, Prefix: prefix("10.0.0.0/16")},
			HasXTR: true, XTR: lisp.CoreCastXTR([16]byte(unhex(t, "000102030405060708090a0b0c0d0e0f")))},
		"map-reply": &lisp.MapReply{Nonce: 0x0123456789abcdef, Records: []lisp.Record{{
			Prefix: prefix("10.1.0.0/16"), TTL: 1440, Authoritative: true, MapVersion: 42,
			Locators: []lisp.Locator{
				{Address: ip("192.0.2.21"), Priority: 1, Weight: 100, MPriority: 255, Local: true, Reachable: true},
				{Address: ip("2001:db8::15"), Priority: 2, Weight: 50, MPriority: 254, MWeight: 1, Probed: true},
			}}}},
		"map-reply-corecast": &lisp.MapReply{Nonce: 0x0123456789abcdef, Records: []lisp.Record{{
			Prefix: prefix("10.1.0.0/16"), TTL: 1440, Locators: []lisp.Locator{
				{Address: ip("192.0.2.21"), Priority: 1, Weight: 100, MPriority: 255, Reachable: true}, capability}}}},
		"map-reply-negative": &lisp.MapReply{Probe: true, EchoNonce: true, Security: true, Nonce: 1,
			Records: []lisp.Record{{Prefix: prefix("10.8.0.0/13"), TTL: 15, Action: lisp.ActionForward}},
			Auth:    unhex(t, "01000000aabb")},
		"map-register-sha1": &lisp.MapRegister{ProxyReply: true, UseTTL: true, WantNotify: true, Nonce: 42,
			Auth: auth("map-register-sha1", 0, lisp.AlgorithmSHA1, 20),
			Records: []lisp.Record{{Prefix: prefix("10.1.0.0/16"), TTL: 10, Authoritative: true,
				Locators: []lisp.Locator{{Address: ip("192.0.2.21"), Priority: 1, Weight: 100, MPriority: 255,
					Local: true, Reachable: true}}}}},
		"map-register-sha256-128": &lisp.MapRegister{Security: true, EIDNotify: true, Merge: true, WantNotify: true,
			Nonce: 43, Auth: auth("map-register-sha256-128", 1, lisp.AlgorithmSHA256, 16),
			Records: []lisp.Record{{Prefix: prefix("2001:db8:1::/64"), TTL: lisp.TTLForever,
				Locators: []lisp.Locator{{Address: ip("2001:db8::15"), Priority: 1, Weight: 100, MPriority: 255,
					Local: true}}}},
			HasXTR: true, XTR: xtr},
		"map-register-hkdf": &lisp.MapRegister{WantNotify: true, Nonce: 44,
			Auth:    auth("map-register-hkdf", 2, lisp.AlgorithmSHA256HKDF, 32),
			Records: []lisp.Record{{Prefix: prefix("10.1.2.0/24")}}},
		"map-notify": &lisp.MapNotify{Nonce: 43, Auth: auth("map-notify", 1, lisp.AlgorithmSHA256, 32),
			Records: []lisp.Record{plain}, HasXTR: true, XTR: xtr},
		"map-notify-hkdf": &lisp.MapNotify{Nonce: 44, Auth: auth("map-notify-hkdf", 2, lisp.AlgorithmSHA256HKDF, 16)},
		"map-notify-ack": &lisp.MapNotifyAck{Nonce: 43, Auth: auth("map-notify-ack", 0, lisp.AlgorithmSHA1, 12),
			Records: []lisp.Record{plain}},
		"map-notify-ack-hkdf": &lisp.MapNotifyAck{Nonce: 44,
			Auth: auth("map-notify-ack-hkdf", 2, lisp.AlgorithmSHA256HKDF, 32)},
		"map-referral": &lisp.MapReferral{Nonce: 5, Records: []lisp.ReferralRecord{{
			Record: lisp.Record{Prefix: prefix("[7]10.1.0.0/16"), TTL: 1440, Authoritative: true,
				Action: lisp.ReferralMapServerAck, Locators: []lisp.Locator{
					{Address: ip("192.0.2.3"), Priority: 1, Weight: 100, MPriority: 255, Reachable: true}}},
			Incomplete: true,
			Signatures: []lisp.Signature{{OriginalTTL: 1440, Expiration: 0x69000000, Inception: 0x68000000,
				KeyTag: 0x1234, Algorithm: 2, Data: []byte{0xaa, 0xbb, 0xcc}}}}}},
		"info-request": &lisp.InfoMessage{Nonce: 6, Auth: auth("info-request", 0, lisp.AlgorithmSHA1, 20),
			TTL: 1440, Prefix: prefix("10.1.2.0/24")},
		"info-reply": &lisp.InfoMessage{Reply: true, Nonce: 6, TTL: 1440, Prefix: prefix("10.1.2.0/24"),
			Address: lcafAddress(t, &lisp.NAT{MSPort: 4342, ETRPort: 50000, GlobalETR: ip("203.0.113.5"),
				MS: ip("192.0.2.3"), RTRs: []lisp.Address{ip("192.0.2.200"), {}}})},
		"ecm-ipv4": &lisp.ECM{Inner: lisp.Inner{
			Src: netip.MustParseAddrPort("10.0.0.10:50000"), Dst: netip.MustParseAddrPort("10.1.0.11:4342"),
			Message: vector(t, "ecm-ipv4")[32:]}},
		"ecm-ipv6-security": &lisp.ECM{Security: true, DDT: true, ToETR: true, ToMapServer: true,
			Auth: vector(t, "ecm-ipv6-security")[4:40],
			Inner: lisp.Inner{
				Src: netip.MustParseAddrPort("[2001:db8::a]:50000"), Dst: netip.MustParseAddrPort("[2001:db8:1::11]:4342"),
				Message: vector(t, "ecm-ipv6-security")[88:]}},
	}
}

func TestVectors(t *testing.T) {
	meanings := vectorMeanings(t)
	for _, name := range vectorNames(t) {
		t.Run(name, func(t *testing.T) {
			packet, want := vector(t, name), meanings[name]
			if want == nil {
				t.Fatal("testdata has a file that this test does not know")
			}
			got := newMessage(t, lisp.PeekType(packet))
			for range 2 { // the second time with used slices
				if err := got.Decode(packet); err != nil {
					t.Fatal(err)
				}
				if describe(got) != describe(want) {
					t.Fatalf("got  %s\nwant %s", describe(got), describe(want))
				}
			}
			again, err := want.Append([]byte("x"))
			if canonical := name != "map-request-flags"; err != nil || bytes.Equal(again[1:], packet) != canonical {
				t.Errorf("encoded to %x, %v\nfrom       %x", again[1:], err, packet)
			}
		})
	}
	if len(meanings) != len(vectorNames(t)) {
		t.Errorf("%d meanings for %d files", len(meanings), len(vectorNames(t)))
	}
}

func TestEncodedRecords(t *testing.T) {
	packet := vector(t, "map-register-sha256-128")
	var m lisp.MapRegister
	if err := m.Decode(packet); err != nil {
		t.Fatal(err)
	}
	if want := packet[32 : len(packet)-24]; !bytes.Equal(m.Encoded, want) {
		t.Errorf("%x, want %x", m.Encoded, want)
	}
	var n lisp.MapNotify
	if err := n.Decode(vector(t, "map-notify")); err != nil || len(n.Encoded) != 16 {
		t.Errorf("%x, %v", n.Encoded, err)
	}
}
