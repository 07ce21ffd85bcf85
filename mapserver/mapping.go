package mapserver

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
)

// mapping is one entry of the database: what is answered for an EID-prefix. It
// does not change once it is there, save for what is atomic; what changes an
// answer puts a new mapping in its place. There is one for every prefix that is
// registered, and for every configured EID-prefix of a site, registered or not.
type mapping struct {
	eid    lisp.EID
	site   *site
	record []byte // as a Map-Reply carries it
	origin origin
	proxy  bool // the server answers; else an xTR does
	// coreCast: its site has CoreCast switches, which those who want to know
	// are told with it.
	coreCast bool
	// parts: there may be mappings within the prefix; if false there are none.
	// The database's lock guards it.
	parts   bool
	holders holders // those who have the mapping cached
	// reg is what was registered, the latest first; nil unless registered.
	// The database's lock guards the list.
	reg *registration
}

// newMapping returns a mapping with a copy of a record, in one piece with it if
// it is short: most are, and a Map-Reply reads both.
func newMapping(record []byte) *mapping {
	switch n := len(record); {
	case n <= 32:
		m := new(struct {
			mapping
			bytes [32]byte
		})
		m.record = append(m.bytes[:0], record...)
		return &m.mapping
	case n <= 64:
		m := new(struct {
			mapping
			bytes [64]byte
		})
		m.record = append(m.bytes[:0], record...)
		return &m.mapping
	}
	return &mapping{record: bytes.Clone(record)}
}

type origin uint8

const (
	unregistered origin = iota // an EID-prefix of a site, without RLOCs
	static                     // an EID-prefix of a site, with configured RLOCs
	registered
)

// registration is what one xTR registered for one prefix.
type registration struct {
	mapping *mapping      // whose list this is in; nil once it is withdrawn. Guarded by the database's lock
	next    *registration // an earlier one, of another xTR; likewise
	// timer is the next in the timing wheel's slot, and timerAt what points
	// to this one there; likewise.
	timer   *registration
	timerAt **registration
	xtr     *xtr
	from    netip.Addr
	own     []byte // its record, where that is not the mapping's
	since   int64  // Unix seconds
	// refreshed is when the last Map-Register came, saved what the store was
	// told of it, in nanoseconds since 1970.
	refreshed, saved atomic.Int64
	lifetime         uint32 // seconds
	flags            regFlags
	keyID            uint8
}

type regFlags uint8

const (
	regProxy    regFlags = 1 << iota // P: wants the server to answer
	regMerge                         // a: wants to be merged
	regUseTTL                        // T: times out with its TTL
	regSecurity                      // S: the xTR can LISP-SEC
)

func (r *registration) expires() int64 {
	return r.refreshed.Load() + int64(r.lifetime)*int64(time.Second)
}

// record returns what was registered, in the form of a Map-Reply's record.
func (r *registration) record() []byte {
	if r.own != nil {
		return r.own
	}
	return r.mapping.record
}

// sameXTR reports whether a registration is by the xTR that sent from an
// address. Those without xTR-ID are one, unless they merge: then their
// addresses tell them apart.
func (r *registration) sameXTR(x *xtr, from netip.Addr) bool {
	return r.xtr == x && (x.id != (lisp.XTR{}) || r.flags&regMerge == 0 || r.from == from)
}

// Offsets in an encoded record.
const (
	recordTTL      = 0
	recordLocators = 4
	recordMaskLen  = 5
	recordFlags    = 6
	recordAFI      = 10 // and the EID-prefix
)

func setTTL(record []byte, minutes uint32) {
	binary.BigEndian.PutUint32(record[recordTTL:], minutes)
}

func ttlOf(record []byte) uint32 { return binary.BigEndian.Uint32(record[recordTTL:]) }

// negative reports whether a record has no locators.
func negative(record []byte) bool { return record[recordLocators] == 0 }

// appendNegative appends a record without locators, as lisp.Record.Append would:
// negative replies are common enough not to allocate.
func appendNegative(dst []byte, eid lisp.EID, ttl time.Duration, action lisp.Action) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ttl/time.Minute))
	dst = append(dst, 0, byte(eid.Prefix.Bits()), byte(action)<<5, 0, 0, 0)
	a := eid.Prefix.Addr()
	if eid.InstanceID != 0 { // RFC 8060 §4.1
		dst = append(dst, byte(lisp.AFILCAF>>8), byte(lisp.AFILCAF&0xff), 0, 0, byte(lisp.LCAFInstanceID), 32, 0, byte(6+a.BitLen()/8))
		dst = binary.BigEndian.AppendUint32(dst, eid.InstanceID)
	}
	if a.Is4() {
		b := a.As4()
		return append(append(dst, 0, byte(lisp.AFIIPv4)), b[:]...)
	}
	b := a.As16()
	return append(append(dst, 0, byte(lisp.AFIIPv6)), b[:]...)
}

// appendNarrowed appends a record for another prefix than its own, within it.
func appendNarrowed(dst, record []byte, prefix netip.Prefix) []byte {
	start := len(dst)
	dst = append(dst, record...)
	dst[start+recordMaskLen] = byte(prefix.Bits())
	at := start + recordAFI + eidAddressOffset(record)
	if a := prefix.Masked().Addr(); a.Is4() {
		b := a.As4()
		copy(dst[at:], b[:])
	} else {
		b := a.As16()
		copy(dst[at:], b[:])
	}
	return dst
}

// eidAddressOffset is where the address of a record's EID-prefix starts, from
// its AFI on: behind an instance-id LCAF, if it is in one.
func eidAddressOffset(record []byte) int {
	if lisp.AFI(binary.BigEndian.Uint16(record[recordAFI:])) == lisp.AFILCAF {
		return 8 + 4 + 2
	}
	return 2
}

// compareLocators orders locators as Map-Replies must have them (RFC 9301
// §5.5): IPv4, then IPv6, each by address; then whatever is no IP address.
func compareLocators(a, b lisp.Locator) int {
	x, y := &a.Address, &b.Address
	switch {
	case x.IP.IsValid() && y.IP.IsValid():
		return x.IP.Compare(y.IP) // shorter addresses first
	case x.IP.IsValid():
		return -1
	case y.IP.IsValid():
		return 1
	}
	return bytes.Compare(x.Raw, y.Raw)
}

// sameLocator reports whether two locators name the same RLOC.
func sameLocator(a, b lisp.Locator) bool {
	x, y := &a.Address, &b.Address
	return x.IP == y.IP && x.InstanceID == y.InstanceID && bytes.Equal(x.Raw, y.Raw)
}

// export returns what outsiders see of a mapping. The database's lock must be
// held, by a reader at least.
func (m *mapping) exportLocked() Mapping {
	var r lisp.Record
	r.Decode(bytes.Clone(m.record))
	out := Mapping{
		EID: m.eid, Site: m.site.name, Locators: r.Locators, Action: r.Action,
		TTL: time.Duration(r.TTL) * time.Minute, Proxy: m.proxy, CoreCast: m.coreCast,
	}
	switch m.origin {
	case registered:
		out.Origin = OriginRegistered
	case static:
		out.Origin = OriginStatic
	case unregistered:
		out.Origin = OriginUnregistered
	}
	for reg := m.reg; reg != nil && reg.mapping == m; reg = reg.next {
		out.Registrations = append(out.Registrations, reg.exportLocked())
	}
	return out
}

func (r *registration) exportLocked() Registration {
	var own lisp.Record
	own.Decode(bytes.Clone(r.record()))
	return Registration{
		From: r.from, XTR: r.xtr.id, KeyID: r.keyID,
		Since: time.Unix(r.since, 0), Refreshed: time.Unix(0, r.refreshed.Load()), Expires: time.Unix(0, r.expires()),
		Merge: r.flags&regMerge != 0, ProxyReply: r.flags&regProxy != 0, Locators: own.Locators,
	}
}
