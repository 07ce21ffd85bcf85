package lisp_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/lisp"
)

func describeLCAF(l lisp.LCAF) string { return fmt.Sprintf("%T%+v", l, l) }

// fuzzMessage checks that what decodes encodes to a message that decodes to
// the same, and that no address in it is worse than an error.
func fuzzMessage(f *testing.F, of lisp.Type) {
	found := false
	for _, name := range vectorNames(f) {
		if packet := vector(f, name); lisp.PeekType(packet) == of {
			f.Add(packet)
			found = true
		}
	}
	if !found {
		f.Fatalf("no vector of a %s", of)
	}
	f.Add([]byte{byte(of) << 4})
	used := newMessage(f, of)
	f.Fuzz(func(t *testing.T, packet []byte) {
		m, again := newMessage(t, of), used
		if m.Decode(packet) != nil {
			return
		}
		out, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%x decoded to %s, which is refused: %v", packet, describe(m), err)
		}
		if err := again.Decode(out); err != nil || describe(again) != describe(m) {
			t.Fatalf("%s\nbecame %s, %v", describe(m), describe(again), err)
		}
		if out2, err := again.Append(nil); err != nil || !bytes.Equal(out, out2) {
			t.Fatalf("%x became %x, %v", out, out2, err)
		}
		for _, r := range recordsOf(m) {
			checkRecord(t, r)
		}
	})
}

func recordsOf(m message) []lisp.Record {
	switch m := m.(type) {
	case *lisp.MapReply:
		return m.Records
	case *lisp.MapRegister:
		return m.Records
	case *lisp.MapNotify:
		return m.Records
	}
	return nil
}

// checkRecord checks what a Map-Server relies on.
func checkRecord(t *testing.T, r lisp.Record) {
	if e, ok := r.Prefix.EID(); ok && (!e.Prefix.IsValid() || e.Prefix != e.Prefix.Masked()) {
		t.Fatalf("EID %v is not a prefix", e)
	}
	var ips []netip.Addr
	for _, l := range r.Locators {
		var err error
		if ips, _, err = l.Address.AppendIPs(ips[:0]); err == nil && l.Address.IP.IsValid() && len(ips) != 1 {
			t.Fatalf("%v hides in %v", ips, l.Address)
		}
		l.Capability()
	}
}

func FuzzMapRequest(f *testing.F)   { fuzzMessage(f, lisp.TypeMapRequest) }
func FuzzMapReply(f *testing.F)     { fuzzMessage(f, lisp.TypeMapReply) }
func FuzzMapRegister(f *testing.F)  { fuzzMessage(f, lisp.TypeMapRegister) }
func FuzzMapNotify(f *testing.F)    { fuzzMessage(f, lisp.TypeMapNotify) }
func FuzzMapNotifyAck(f *testing.F) { fuzzMessage(f, lisp.TypeMapNotifyAck) }
func FuzzMapReferral(f *testing.F)  { fuzzMessage(f, lisp.TypeMapReferral) }
func FuzzInfo(f *testing.F)         { fuzzMessage(f, lisp.TypeInfo) }
func FuzzECM(f *testing.F)          { fuzzMessage(f, lisp.TypeECM) }

func FuzzLCAF(f *testing.F) {
	for text := range lcafVectors() {
		f.Add(unhex(f, unspace(text)))
	}
	f.Fuzz(func(t *testing.T, field []byte) {
		a, err := addressField(t, field)
		if err != nil {
			return
		}
		if _, _, err := a.AppendIPs(nil); err != nil {
			return
		}
		l, err := lisp.ParseLCAF(a)
		if err != nil {
			return
		}
		b, err := lisp.LCAFAddress(l)
		if err != nil {
			t.Fatalf("%x is %s, which is refused: %v", field, describeLCAF(l), err)
		}
		if again, err := lisp.ParseLCAF(b); err != nil || describeLCAF(again) != describeLCAF(l) {
			t.Fatalf("%s became %s, %v", describeLCAF(l), describeLCAF(again), err)
		}
	})
}

// Nobody can make Verify fail in another way than with an error, and what it
// accepts is what Sign writes.
func FuzzVerify(f *testing.F) {
	for _, name := range authenticated {
		f.Add(vector(f, name))
	}
	key := lisp.NewKey([]byte("password"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		accepted := key.Verify(packet) == nil
		signed := bytes.Clone(packet)
		if err := key.Sign(signed); err != nil {
			if accepted {
				t.Fatalf("%x is accepted, but cannot be signed: %v", packet, err)
			}
			return
		}
		if key.Verify(signed) != nil || accepted != bytes.Equal(packet, signed) {
			t.Fatalf("%x, signed %x, accepted %v", packet, signed, accepted)
		}
	})
}
