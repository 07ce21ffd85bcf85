package wire_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

const wireFormat = "../docs/wire-format.md"

// hexBlocks returns the bytes of the ```hex blocks of a document by title.
func hexBlocks(t *testing.T, name string) map[string][]byte {
	t.Helper()
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]byte{}
	for _, part := range strings.Split(string(doc), "\n```hex ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		body, _, closed := strings.Cut(rest, "\n```")
		if _, again := blocks[title]; again || !closed {
			t.Fatalf("%s: block %q is there twice or does not end", name, title)
		}
		var digits strings.Builder
		for line := range strings.Lines(body) {
			digits.WriteString(strings.Join(strings.Fields(strings.SplitN(line, "#", 2)[0]), ""))
		}
		blocks[title] = unhex(t, digits.String())
	}
	return blocks
}

// The examples of the documentation are what it says they are.
func TestDocumentation(t *testing.T) {
	media := []byte("123456789")
	id := wire.Identify(7, media)
	viewers := []netip.AddrPort{
		netip.MustParseAddrPort("10.1.0.11:5004"),
		netip.MustParseAddrPort("10.1.0.12:5004"),
		netip.MustParseAddrPort("10.1.0.13:6000"),
	}
	var (
		source   = netip.MustParseAddrPort("10.0.0.10:7000")
		reserved = netip.MustParseAddrPort("10.0.255.1:4344")
		six      = []netip.AddrPort{netip.MustParseAddrPort("[2001:db8:1::11]:5004")}
	)
	blocks := hexBlocks(t, wireFormat)
	checks := map[string]func(b []byte) bool{
		"PAYLOAD": func(b []byte) bool {
			var p wire.Payload
			return p.Decode(b) == nil && p.ID == id && bytes.Equal(p.Media, media)
		},
		"HEADER4":      func(b []byte) bool { return isHeader4(b, id, viewers[:1]) },
		"HEADER4 list": func(b []byte) bool { return isHeader4(b, id, viewers) },
		"HEADER6": func(b []byte) bool {
			var h wire.Header6
			return h.Decode(b) == nil && h.ID == id && slices.Equal(slices.Collect(h.Viewers()), six)
		},
		"source to ITR": func(b []byte) bool {
			var d inet.Datagram
			return d.Decode(b) == nil && len(b) == 46 && d.TTL == 64 && d.Src == source && d.Dst == reserved &&
				bytes.Equal(d.Payload, blocks["HEADER4"])
		},
		"ITR to ETR": func(b []byte) bool {
			var p lisp.Packet
			var d inet.Datagram
			return p.Decode(b) == nil && d.Decode(p.Inner) == nil && p.TTL == 63 && d.TTL == 63 &&
				p.Header == lisp.DataHeader{Flags: lisp.FlagInstance, InstanceID: 7} &&
				p.Src == netip.MustParseAddr("192.0.2.10") && p.Dst == netip.MustParseAddr("192.0.2.21") &&
				len(b)-len(p.Inner) == 36 && bytes.Equal(d.Payload, blocks["HEADER4"])
		},
		"ETR to viewer": func(b []byte) bool {
			var d inet.Datagram
			return d.Decode(b) == nil && d.TTL == 62 && d.Src == source && d.Dst == viewers[0] && bytes.Equal(d.Payload, media)
		},
		"refused: ErrHash": func(b []byte) bool {
			var p wire.Payload
			return errors.Is(p.Decode(b), wire.ErrHash)
		},
		"refused: ErrTruncated": func(b []byte) bool {
			var h wire.Header4
			return errors.Is(h.Decode(b), wire.ErrTruncated)
		},
		"refused: ErrType": func(b []byte) bool {
			var h wire.Header4
			return errors.Is(h.Decode(b), wire.ErrType)
		},
	}
	for title, check := range checks {
		if block, ok := blocks[title]; !ok {
			t.Errorf("%s has no block %q", wireFormat, title)
		} else if !check(block) {
			t.Errorf("%s: block %q is not what it should be: %x", wireFormat, title, block)
		}
	}
	for title := range blocks {
		if checks[title] == nil {
			t.Errorf("%s: nothing checks block %q", wireFormat, title)
		}
	}
}

func isHeader4(b []byte, id wire.ID, viewers []netip.AddrPort) bool {
	var h wire.Header4
	return h.Decode(b) == nil && h.ID == id && slices.Equal(slices.Collect(h.Viewers()), viewers)
}
