package lisp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/corecast/corecast/lisp"
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

func TestDataHeader(t *testing.T) {
	for _, c := range []struct {
		name, packet string
		want         lisp.DataHeader
		canonical    bool // encodes to the same bytes
	}{
		{"nothing set", "0000000000000000", lisp.DataHeader{}, true},
		{"nonce", "80abcdef00000000", lisp.DataHeader{Flags: lisp.FlagNonce, Nonce: 0xabcdef}, true},
		{"echo-nonce request", "a0abcdef00000000",
			lisp.DataHeader{Flags: lisp.FlagNonce | lisp.FlagEchoNonce, Nonce: 0xabcdef}, true},
		{"map-versions", "1012345600000000", lisp.DataHeader{Flags: lisp.FlagMapVersion, Nonce: 0x123456}, true},
		{"32 locator-status-bits", "4000000080000001",
			lisp.DataHeader{Flags: lisp.FlagLSB, LocatorStatus: 0x80000001}, true},
		{"instance-id", "0800000001020300", lisp.DataHeader{Flags: lisp.FlagInstance, InstanceID: 0x010203}, true},
		{"instance-id and 8 bits", "4800000001020381",
			lisp.DataHeader{Flags: lisp.FlagInstance | lisp.FlagLSB, InstanceID: 0x010203, LocatorStatus: 0x81}, true},
		{"key 2", "0200000000000000", lisp.DataHeader{Flags: 2}, true},
		{"R is ignored", "0400000000000000", lisp.DataHeader{}, false},
		{"E without N is ignored", "2000000000000000", lisp.DataHeader{}, false},
		{"N wins over V", "9012345600000000", lisp.DataHeader{Flags: lisp.FlagNonce, Nonce: 0x123456}, false},
		{"nonce without N or V is ignored", "0012345600000000", lisp.DataHeader{}, false},
		{"second word without I or L is ignored", "00000000ffffffff", lisp.DataHeader{}, false},
		{"LSBs without L are ignored", "08000000010203ff",
			lisp.DataHeader{Flags: lisp.FlagInstance, InstanceID: 0x010203}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := lisp.DataHeader{Flags: 0xff, Nonce: 1, InstanceID: 1, LocatorStatus: 1}
			packet := unhex(t, c.packet)
			rest, err := got.Decode(append(packet, 1, 2))
			if err != nil || got != c.want || !bytes.Equal(rest, []byte{1, 2}) {
				t.Fatalf("got %+v, %x, %v, want %+v", got, rest, err, c.want)
			}
			again, err := got.Append(nil)
			if err != nil || bytes.Equal(again, packet) != c.canonical {
				t.Errorf("encoded again: %x, %v", again, err)
			}
		})
	}
	h := lisp.DataHeader{Nonce: 1}
	if _, err := h.Decode(make([]byte, 7)); !errors.Is(err, lisp.ErrTruncated) || h != (lisp.DataHeader{}) {
		t.Errorf("7 bytes: %+v, %v", h, err)
	}
	h.Nonce = 0x123456
	if src, dst := h.MapVersions(); src != 0x123 || dst != 0x456 {
		t.Errorf("map-versions %#x, %#x", src, dst)
	}
}

func TestDataHeaderRefused(t *testing.T) {
	for _, h := range []lisp.DataHeader{
		{Flags: lisp.FlagNonce | lisp.FlagMapVersion},
		{Flags: lisp.FlagEchoNonce},
		{Flags: 0x04},
		{Nonce: 1},
		{Flags: lisp.FlagNonce, Nonce: 1 << 24},
		{InstanceID: 1},
		{Flags: lisp.FlagInstance, InstanceID: 1 << 24},
		{LocatorStatus: 1},
		{Flags: lisp.FlagInstance, LocatorStatus: 1},
		{Flags: lisp.FlagInstance | lisp.FlagLSB, LocatorStatus: 0x100},
	} {
		if out, err := h.Append([]byte("x")); !errors.Is(err, lisp.ErrHeader) || string(out) != "x" {
			t.Errorf("%+v: %x, %v", h, out, err)
		}
	}
}

// What decodes encodes to a header that decodes to the same, and is the same
// bytes from then on.
func checkDataHeader(t interface{ Fatalf(string, ...any) }, packet []byte) {
	var h, again lisp.DataHeader
	if _, err := h.Decode(packet); err != nil {
		return
	}
	out, err := h.Append(nil)
	if err != nil {
		t.Fatalf("%x decoded to %+v, which is refused: %v", packet, h, err)
	}
	if _, err := again.Decode(out); err != nil || again != h {
		t.Fatalf("%+v became %+v, %v", h, again, err)
	}
	if out2, _ := again.Append(nil); !bytes.Equal(out, out2) {
		t.Fatalf("%x became %x", out, out2)
	}
}

func TestDataHeaderProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkDataHeader(t, rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "packet"))
	})
}

func FuzzDataHeader(f *testing.F) {
	for _, seed := range []string{"80abcdef00000000", "4800000001020381", "1012345600000000", "ff"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, packet []byte) { checkDataHeader(t, packet) })
}
