package udp_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

// step is a message of an exchange: one that is sent, or the one that must
// come back; none if that is empty.
type step struct {
	line   int
	sent   bool
	packet []byte
}

// portMark stands in vectors for the port of the ITR that sends them.
const portMark = "PORT"

// readExchange reads messages in hex: each after a line with > (to the
// Map-Server) or < (from it). # begins a comment.
func readExchange(t *testing.T, path string, itr netip.AddrPort) (steps []step) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.ReplaceAll(line, portMark, fmt.Sprintf("%04x", itr.Port()))
		line = strings.ReplaceAll(line, " ", "")
		switch line {
		case ">", "<":
			steps = append(steps, step{line: n + 1, sent: line == ">"})
			continue
		}
		b, err := hex.DecodeString(line)
		if err != nil || len(b) > 0 && len(steps) == 0 {
			t.Fatalf("%s:%d: %q: want bytes in hex after a line with > or <", path, n+1, line)
		}
		if len(steps) > 0 {
			steps[len(steps)-1].packet = append(steps[len(steps)-1].packet, b...)
		}
	}
	return steps
}

// TestExchanges replays messages that were written by hand from RFC 9301, and
// wants exactly the answers that were written by hand.
func TestExchanges(t *testing.T) {
	paths, err := filepath.Glob("testdata/exchanges/*.hex")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".hex"), func(t *testing.T) { replay(t, path) })
	}
}

func replay(t *testing.T, path string) {
	server := start(t, families[0], exchangeSites(), mapserver.Options{})
	itr, etr := plainSocket(t, netip.MustParseAddrPort("127.0.0.1:0")), plainSocket(t, xtrAddr(t, server.at.Addr()))
	steps := readExchange(t, path, itr.LocalAddr().(*net.UDPAddr).AddrPort())
	answers := 0
	socket := itr
	for _, s := range steps {
		if s.sent {
			socket = itr
			if lisp.PeekType(s.packet) == lisp.TypeMapRegister {
				socket = etr // Map-Notifies go to port 4342
			}
			if _, err := socket.WriteToUDPAddrPort(s.packet, server.at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if len(s.packet) == 0 {
			continue // an answer would be in place of the next one
		}
		answers++
		if got := readPacket(t, socket, patience); !bytes.Equal(got, s.packet) {
			t.Fatalf("%s:%d: the answer is\n%x\nwant\n%x", path, s.line, got, s.packet)
		}
	}
	if answers == 0 {
		t.Errorf("%s expects no answer at all", path)
	}
	for _, socket := range []*net.UDPConn{itr, etr} {
		if got := readPacket(t, socket, 20*time.Millisecond); got != nil {
			t.Errorf("%s: one more answer: %x", path, got)
		}
	}
}

// exchangeSites are the sites of the exchanges.
func exchangeSites() []mapserver.Site {
	keys := []mapserver.Key{{ID: 1, Secret: []byte("exchange")}}
	prefixes := func(s ...string) (out []netip.Prefix) {
		for _, p := range s {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	return []mapserver.Site{
		{Name: "IPv4", EIDPrefixes: prefixes("10.1.0.0/16", "10.2.0.0/16"), AcceptMoreSpecifics: true, Keys: keys},
		{Name: "IPv6", InstanceID: 7, EIDPrefixes: prefixes("2001:db8:1::/48"), Keys: keys},
	}
}

func plainSocket(t testing.TB, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// readPacket returns the next packet, or nil if none comes in time.
func readPacket(t testing.TB, c *net.UDPConn, within time.Duration) []byte {
	t.Helper()
	buffer := make([]byte, 65535)
	c.SetReadDeadline(time.Now().Add(within))
	n, err := c.Read(buffer)
	if err != nil {
		return nil
	}
	return buffer[:n]
}
