package wire_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/wire"
)

// Encoding entries one by one and at once gives the same packet.
func TestAppendEncoded(t *testing.T) {
	id := wire.ID{Sequence: 7, Hash: 8, Length: 9}
	for _, c := range []struct {
		kind   wire.Type
		append func([]byte, wire.ID, []netip.AddrPort) ([]byte, error)
		eid    string
	}{
		{wire.TypeHeader4, wire.AppendHeader4, "10.1.2.3"},
		{wire.TypeHeader6, wire.AppendHeader6, "2001:db8::1"},
	} {
		var viewers []netip.AddrPort
		var entries []byte
		for n := range wire.MaxEntries + 2 {
			got, err := wire.AppendEncoded([]byte("x"), c.kind, id, entries)
			want, wantErr := c.append([]byte("x"), id, viewers)
			if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
				t.Fatalf("%d viewers: %x, %v; want %x, %v", n, got, err, want, wantErr)
			}
			v := netip.AddrPortFrom(netip.MustParseAddr(c.eid), uint16(n+1))
			viewers, entries = append(viewers, v), wire.AppendEntry(entries, v)
		}
	}
	if _, err := wire.AppendEncoded(nil, wire.TypeHeader4, id, make([]byte, 7)); !errors.Is(err, wire.ErrLength) {
		t.Error(err)
	}
	if _, err := wire.AppendEncoded(nil, wire.TypePayload, id, make([]byte, 6)); err == nil {
		t.Error("entries in a payload packet")
	}
}
