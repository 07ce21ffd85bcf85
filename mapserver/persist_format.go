package mapserver

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
)

// Values in the store: a version, then fields of fixed size in network order,
// strings and addresses behind a byte with their length; a record comes last.
const (
	formatVersion       = 1
	subscriptionVersion = 3 // 1 had the key that messages were signed with, 2 not who sends them
)

// errFormat: a value that this version did not write. It is dropped: what it
// stands for is registered anew.
var errFormat = errors.New("not a value of this version")

type savedAuth struct {
	keyID     uint8
	algorithm lisp.Algorithm
	size      int
}

type savedRegistration struct {
	site      string
	eid       lisp.EID
	xtr       lisp.XTR
	from      netip.Addr
	since     int64
	refreshed int64
	lifetime  uint32
	flags     regFlags
	keyID     uint8
	record    []byte
}

func (r *savedRegistration) expires() int64 {
	return r.refreshed + int64(r.lifetime)*int64(time.Second)
}

type savedNonce struct {
	site string
	xtr  lisp.XTR
	from netip.AddrPort
	last int64
	auth savedAuth
	seen keyNonce
}

type savedSubscription struct {
	site  string
	eid   lisp.EID
	xtr   lisp.XTR
	to    netip.AddrPort
	local netip.Addr
	nonce uint64
	node  string // of the server that tells the xTR; empty: the only one
	ended int64  // when, if it is over
}

// withdrawn reports whether it says that there is no registration any more, since
// it was refreshed.
func (r *savedRegistration) withdrawn() bool { return r.lifetime == 0 }

func encodeRegistration(r *registration) []byte {
	return encodeSince(r, r.lifetime, r.refreshed.Load())
}

// encodeWithdrawn says that a registration was withdrawn.
func encodeWithdrawn(r *registration, at int64) []byte { return encodeSince(r, 0, at) }

func encodeSince(r *registration, lifetime uint32, refreshed int64) []byte {
	record := r.record()
	b := make([]byte, 0, 96+len(r.xtr.site.name)+len(record))
	b = append(b, formatVersion, byte(r.flags), r.keyID)
	b = binary.BigEndian.AppendUint32(b, lifetime)
	b = binary.BigEndian.AppendUint64(b, uint64(r.since))
	b = binary.BigEndian.AppendUint64(b, uint64(refreshed))
	b = appendXTR(b, r.xtr.id)
	b = appendAddr(b, r.from)
	b = appendString(b, r.xtr.site.name)
	return append(b, record...)
}

func decodeRegistration(value []byte) (r savedRegistration, err error) {
	f := fields{rest: value}
	f.version(formatVersion)
	r.flags, r.keyID = regFlags(f.byte()), f.byte()
	r.lifetime, r.since, r.refreshed = f.uint32(), int64(f.uint64()), int64(f.uint64())
	r.xtr, r.from, r.site = f.xtr(), f.addr(), f.string()
	if f.bad {
		return savedRegistration{}, errFormat
	}
	r.record = append([]byte(nil), f.rest...)
	var rec lisp.Record
	rest, err := rec.Decode(r.record)
	eid, ip := rec.Prefix.EID()
	if err != nil || len(rest) > 0 || !ip {
		return savedRegistration{}, errFormat
	}
	r.eid = eid
	return r, nil
}

// encodeNonce encodes what came last with a key. x.mu must be held.
func encodeNonce(x *xtr, n *keyNonce) []byte {
	b := append(make([]byte, 0, 128), formatVersion, n.keyID)
	b = binary.BigEndian.AppendUint64(b, n.nonce)
	b = append(b, n.data[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(x.last.UnixNano()))
	b = appendXTR(b, x.id)
	b = appendAuth(b, x.auth)
	b = appendAddrPort(b, x.from)
	return appendString(b, x.site.name)
}

func decodeNonce(value []byte) (n savedNonce, err error) {
	f := fields{rest: value}
	f.version(formatVersion)
	n.seen.keyID, n.seen.nonce = f.byte(), f.uint64()
	copy(n.seen.data[:], f.take(len(n.seen.data)))
	n.last, n.xtr, n.auth, n.from, n.site = int64(f.uint64()), f.xtr(), f.auth(), f.addrPort(), f.string()
	if f.bad || len(f.rest) > 0 {
		return savedNonce{}, errFormat
	}
	return n, nil
}

// encodeSubscription encodes a subscription that a server tells about, or that has
// ended. notifier.mu must be held.
func encodeSubscription(sub *subscription, node string, ended int64) []byte {
	b := append(make([]byte, 0, 160), subscriptionVersion)
	b = binary.BigEndian.AppendUint64(b, sub.nonce)
	b = binary.BigEndian.AppendUint32(b, sub.eid.InstanceID)
	b = append(b, byte(sub.eid.Prefix.Bits()))
	b = appendAddr(b, sub.eid.Prefix.Addr())
	b = appendXTR(b, sub.xtr)
	b = appendAddrPort(b, sub.to)
	b = appendAddr(b, sub.local)
	b = appendString(b, sub.site.name)
	b = appendString(b, node)
	return binary.BigEndian.AppendUint64(b, uint64(ended))
}

func decodeSubscription(value []byte) (s savedSubscription, err error) {
	f := fields{rest: value}
	version := f.byte()
	s.nonce, s.eid.InstanceID = f.uint64(), f.uint32()
	bits := int(f.byte())
	prefix, prefixErr := f.addr().Prefix(bits)
	s.eid.Prefix = prefix
	s.xtr, s.to, s.local, s.site = f.xtr(), f.addrPort(), f.addr(), f.string()
	if version == subscriptionVersion {
		s.node, s.ended = f.string(), int64(f.uint64())
	}
	if f.bad || version != subscriptionVersion && version != 2 || len(f.rest) > 0 || prefixErr != nil || !s.to.IsValid() {
		return savedSubscription{}, errFormat
	}
	return s, nil
}

func appendXTR(b []byte, x lisp.XTR) []byte { return append(append(b, x.ID[:]...), x.Site[:]...) }

func appendAuth(b []byte, a lastAuth) []byte {
	return append(b, a.keyID, byte(a.algorithm), byte(a.size))
}

func appendAddr(b []byte, a netip.Addr) []byte { return appendString(b, string(a.AsSlice())) }

func appendAddrPort(b []byte, a netip.AddrPort) []byte {
	return binary.BigEndian.AppendUint16(appendAddr(b, a.Addr()), a.Port())
}

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(b, byte(len(s))), s...)
}

// fields reads a value. What is missing reads as zeros, and sets bad.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if n > len(f.rest) {
		f.bad, f.rest = true, nil
		return make([]byte, n)
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) version(want byte) { f.bad = f.byte() != want || f.bad }

func (f *fields) byte() byte     { return f.take(1)[0] }
func (f *fields) uint16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) uint32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) uint64() uint64 { return binary.BigEndian.Uint64(f.take(8)) }
func (f *fields) string() string { return string(f.take(int(f.byte()))) }

func (f *fields) xtr() lisp.XTR {
	return lisp.XTR{ID: [16]byte(f.take(16)), Site: [8]byte(f.take(8))}
}

func (f *fields) auth() savedAuth {
	return savedAuth{f.byte(), lisp.Algorithm(f.byte()), int(f.byte())}
}

func (f *fields) addr() netip.Addr {
	a, _ := netip.AddrFromSlice(f.take(int(f.byte())))
	return a
}

func (f *fields) addrPort() netip.AddrPort { return netip.AddrPortFrom(f.addr(), f.uint16()) }
