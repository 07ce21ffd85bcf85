package bench

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
)

// The prefixes that are registered and asked for: each a /28 of its own.
const (
	tableBase = 0x0A000000 // 10.0.0.0
	tableBits = 28
	maxTable  = 1 << (tableBits - 8)
)

var tableSpace = netip.MustParsePrefix("10.0.0.0/8")

// tableAddr is an address in the i-th prefix.
func tableAddr(i, host int) uint32 { return tableBase + uint32(i)<<(32-tableBits) + uint32(host) }

// tableRecord is the mapping of the i-th prefix; generation chooses its RLOC.
func tableRecord(i, generation int) lisp.Record {
	prefix := netip.PrefixFrom(ipv4(tableAddr(i, 0)), tableBits)
	return lisp.Record{
		Prefix: lisp.PrefixOf(lisp.EID{Prefix: prefix}), TTL: 1440, Authoritative: true,
		Locators: []lisp.Locator{{
			Address:  lisp.Address{IP: ipv4(rloc(i%maxRLOCs + generation*maxRLOCs))},
			Priority: 1, Weight: 100, MPriority: lisp.PriorityUnused, Local: true, Reachable: true,
		}},
	}
}

// maxRLOCs is how many RLOCs the prefixes share.
const maxRLOCs = 1000

// recordsPerRegister is how many records a Map-Register has.
const recordsPerRegister = 20

// tableRegisters makes the signed Map-Registers of the prefixes from first up
// to end. Their nonces are greater than those of any made before.
func tableRegisters(first, end, generation int) ([][]byte, error) {
	return signedRegisters(first, end, recordsPerRegister, generation, lisp.NewKey(benchKey.Secret),
		lisp.Auth{KeyID: benchKey.ID, Algorithm: benchKey.Algorithm})
}

func signedRegisters(first, end, each, generation int, key *lisp.Key, auth lisp.Auth) ([][]byte, error) {
	var packets [][]byte
	nonce := uint64(time.Now().UnixNano())
	for ; first < end; first += each {
		m := lisp.MapRegister{ProxyReply: true, UseTTL: true, WantNotify: true, Nonce: nonce + uint64(len(packets)), Auth: auth}
		for i := first; i < min(end, first+each); i++ {
			m.Records = append(m.Records, tableRecord(i, generation))
		}
		packet, err := m.Append(nil)
		if err != nil {
			return nil, err
		}
		if err := key.Sign(packet); err != nil {
			return nil, err
		}
		packets = append(packets, packet)
	}
	return packets, nil
}

// request is a Map-Request in an ECM whose nonce and EID can be set in place.
type request struct {
	packet     []byte
	nonce, eid int // offsets
}

// tableRequest makes the Map-Request that an ITR at local sends.
func tableRequest(local netip.AddrPort) (request, error) {
	const placeholder = 0x0AFEDCBA
	m := lisp.MapRequest{
		ITRs:    []lisp.Address{{IP: local.Addr()}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(lisp.EIDOf(0, ipv4(placeholder)))}},
	}
	message, err := m.Append(nil)
	if err != nil {
		return request{}, err
	}
	ecm := lisp.ECM{Inner: lisp.Inner{Src: local, Dst: netip.AddrPortFrom(local.Addr(), lisp.ControlPort), Message: message}}
	packet, err := ecm.Append(nil)
	if err != nil {
		return request{}, err
	}
	start := len(packet) - len(message)
	clear(packet[start-2 : start]) // no inner UDP checksum: the contents change
	return request{packet: packet, nonce: start + 4, eid: len(packet) - 4}, nil
}

func (r *request) set(nonce uint64, eid uint32) {
	binary.BigEndian.PutUint64(r.packet[r.nonce:], nonce)
	binary.BigEndian.PutUint32(r.packet[r.eid:], eid)
}

// replyNonce is where a Map-Reply has its nonce.
const replyNonce = 4

// replySize is the size of the Map-Reply for one of the prefixes.
func replySize() (int, error) {
	m := lisp.MapReply{Records: []lisp.Record{tableRecord(0, 0)}}
	b, err := m.Append(nil)
	return len(b), err
}

// echoNonce is where the echo of a request has its nonce: the echo is as long
// as a Map-Reply, and the end of the request.
func echoNonce() (int, error) {
	size, err := replySize()
	if err != nil {
		return 0, err
	}
	r, err := tableRequest(loopback)
	if err != nil {
		return 0, err
	}
	offset := size - (len(r.packet) - r.nonce)
	if offset < 0 || size > len(r.packet) {
		return 0, fmt.Errorf("a Map-Reply of %d bytes is no end of a Map-Request of %d", size, len(r.packet))
	}
	return offset, nil
}
