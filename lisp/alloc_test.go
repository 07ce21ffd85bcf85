package lisp_test

import (
	"fmt"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// ordinary returns the messages that a Map-Server handles by the million.
func ordinary(t testing.TB) map[string]message {
	t.Helper()
	m := vectorMeanings(t)
	big := &lisp.MapRegister{WantNotify: true, Auth: lisp.Auth{Algorithm: lisp.AlgorithmSHA256}}
	for i := range 20 {
		big.Records = append(big.Records, lisp.Record{Prefix: prefix(fmt.Sprintf("[7]10.%d.0.0/16", i)), TTL: 10,
			Locators: []lisp.Locator{{Address: ip("192.0.2.21"), Priority: 1, Weight: 100},
				{Address: ip("2001:db8::15"), Priority: 1, Weight: 100}}})
	}
	return map[string]message{
		"Map-Request":                 m["map-request"],
		"Map-Request with everything": m["map-request-flags"],
		"Map-Reply":                   m["map-reply"],
		"negative Map-Reply":          m["map-reply-negative"],
		"Map-Register":                m["map-register-sha1"],
		"Map-Register of 20 records":  big,
		"Map-Notify":                  m["map-notify"],
		"Map-Notify-Ack":              m["map-notify-ack"],
		"ECM over IPv4":               m["ecm-ipv4"],
		"ECM over IPv6, LISP-SEC":     m["ecm-ipv6-security"],
	}
}

func TestControlAllocates(t *testing.T) {
	for name, m := range ordinary(t) {
		buf, err := m.Append(make([]byte, 0, 65536))
		if err != nil {
			t.Fatal(err)
		}
		decoded := newMessage(t, lisp.PeekType(buf))
		if n := testing.AllocsPerRun(100, func() { err = decoded.Decode(buf) }); n != 0 || err != nil {
			t.Errorf("%s: Decode allocates %v times, %v", name, n, err)
		}
		out := make([]byte, 0, 65536)
		if n := testing.AllocsPerRun(100, func() { _, err = m.Append(out) }); n != 0 || err != nil {
			t.Errorf("%s: Append allocates %v times, %v", name, n, err)
		}
	}
}

func TestKeyAllocates(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector, with which -short runs, lets sync.Pool forget at random")
	}
	key := lisp.NewKey([]byte("password"))
	for _, name := range authenticated {
		packet := vector(t, name)
		var err error
		if n := testing.AllocsPerRun(100, func() { err = key.Verify(packet) }); n != 0 || err != nil {
			t.Errorf("%s: Verify allocates %v times, %v", name, n, err)
		}
		packet[20] ^= 1
		if n := testing.AllocsPerRun(100, func() { err = key.Verify(packet) }); n != 0 || err != lisp.ErrAuth {
			t.Errorf("%s: Verify of a forgery allocates %v times, %v", name, n, err)
		}
	}
}

func TestNotifyAllocates(t *testing.T) {
	var register lisp.MapRegister
	if err := register.Decode(vector(t, "map-register-sha256-128")); err != nil {
		t.Fatal(err)
	}
	var err error
	buf := make([]byte, 0, 1500)
	if n := testing.AllocsPerRun(100, func() { _, err = register.AppendNotify(buf) }); n != 0 || err != nil {
		t.Errorf("AppendNotify allocates %v times, %v", n, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, m := range ordinary(b) {
		b.Run(name, func(b *testing.B) {
			packet, err := m.Append(nil)
			if err != nil {
				b.Fatal(err)
			}
			decoded := newMessage(b, lisp.PeekType(packet))
			b.SetBytes(int64(len(packet)))
			b.ReportAllocs()
			for b.Loop() {
				if err := decoded.Decode(packet); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, m := range ordinary(b) {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 65536)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Append(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
