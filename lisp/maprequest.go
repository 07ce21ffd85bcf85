package lisp

import (
	"encoding/binary"
	"fmt"
)

// MapRequest asks for the mappings of EIDs, probes an RLOC, solicits requests
// (SMR) or subscribes to a mapping (RFC 9437). RFC 9301 §5.2, with the I and N
// bits of RFC 9437 §4:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-+-+-+-+-+-+-+-+---------+-+-+---------+---------------+
//	|Type=1 |A|M|P|S|p|s|R|I|  Rsvd   |L|D|   IRC   | Record Count  |
//	+-------+-+-+-+-+-+-+-+-+---------+-+-+---------+---------------+
//	|                         Nonce . . .                           |
//	|                         . . . Nonce                           |
//	+-------------------------------+-------------------------------+
//	|         Source-EID-AFI        |   Source EID Address  ...     |
//	+-------------------------------+-------------------------------+
//	|         ITR-RLOC-AFI 1        |    ITR-RLOC Address 1  ...    |
//	+-------------------------------+-------------------------------+
//	|                    ... 1 + IRC of them                        |
//	+-+-------------+---------------+-------------------------------+
//	|N|  Reserved   | EID mask-len  |        EID-Prefix-AFI         |
//	+-+-------------+---------------+-------------------------------+
//	|               EID-Prefix  ... Record Count of them            |
//	+---------------------------------------------------------------+
//	|               Map-Reply Record  ... with M                    |
//	+---------------------------------------------------------------+
//	|               xTR-ID (16 bytes), Site-ID (8 bytes), with I    |
//	+---------------------------------------------------------------+
type MapRequest struct {
	Authoritative bool // A: the ETR shall answer, not the Map-Server
	Probe         bool // P: RLOC-probe
	SMR           bool // S: solicit a Map-Request
	PITR          bool // p: from a proxy ITR
	SMRInvoked    bool // s: an answer to an SMR
	LocalXTR      bool // L
	DontReply     bool // D: no Map-Reply wanted
	Nonce         uint64
	Source        Address   // source EID; the zero Address if none
	ITRs          []Address // ITR-RLOCs, 1 to 32: where a Map-Reply may go
	Records       []EIDRecord
	HasMapping    bool   // M: Mapping is there
	Mapping       Record // of the source EID, not validated by anybody
	HasXTR        bool   // I: XTR is there
	XTR           XTR
}

// EIDRecord is one EID-prefix that a Map-Request asks for.
type EIDRecord struct {
	Prefix EIDPrefix
	Notify bool // N: subscribe to the mapping, RFC 9437
}

const maxITRs = 32

// Decode reads a whole Map-Request. It reuses the slices of m and aliases
// packet (see Address); after an error the content of m is meaningless.
func (m *MapRequest) Decode(packet []byte) error {
	c := cursor{rest: packet}
	head := c.message(TypeMapRequest, 12)
	*m = MapRequest{ITRs: m.ITRs[:0], Records: m.Records[:0], Mapping: Record{Locators: m.Mapping.Locators[:0]}}
	if head == nil {
		return c.end(TypeMapRequest)
	}
	m.decodeFlags(head)
	m.Nonce = binary.BigEndian.Uint64(head[4:])
	m.Source.decode(&c)
	for range 1 + int(head[2]&0x1f) {
		if c.err != nil {
			break
		}
		next(&m.ITRs).decode(&c)
	}
	if head[3] == 0 {
		c.fail(fmt.Errorf("%w: it asks for 0 EIDs", ErrCount))
	}
	for range head[3] {
		if c.err != nil {
			break
		}
		next(&m.Records).decode(&c)
	}
	if m.HasMapping && c.err == nil {
		m.Mapping.decode(&c)
	}
	if m.HasXTR {
		m.XTR.decode(&c)
	}
	return c.end(TypeMapRequest)
}

func (m *MapRequest) decodeFlags(head []byte) {
	m.Authoritative, m.HasMapping = head[0]&8 != 0, head[0]&4 != 0
	m.Probe, m.SMR = head[0]&2 != 0, head[0]&1 != 0
	m.PITR, m.SMRInvoked, m.HasXTR = head[1]&0x80 != 0, head[1]&0x40 != 0, head[1]&0x10 != 0
	m.LocalXTR, m.DontReply = head[2]&0x40 != 0, head[2]&0x20 != 0
}

// Unsubscribes reports whether records with N end subscriptions instead of
// starting them: the only ITR-RLOC is no address at all (RFC 9437 §5).
func (m *MapRequest) Unsubscribes() bool {
	return m.HasXTR && len(m.ITRs) == 1 && m.ITRs[0].AFI() == AFINone
}

// Append appends the message to dst.
func (m *MapRequest) Append(dst []byte) ([]byte, error) {
	if err := checkCount(TypeMapRequest, "ITR-RLOCs", len(m.ITRs), 1, maxITRs); err != nil {
		return dst, err
	}
	if err := checkCount(TypeMapRequest, "records", len(m.Records), 1, 255); err != nil {
		return dst, err
	}
	out := append(dst,
		byte(TypeMapRequest)<<4|bit(m.Authoritative, 8)|bit(m.HasMapping, 4)|bit(m.Probe, 2)|bit(m.SMR, 1),
		bit(m.PITR, 0x80)|bit(m.SMRInvoked, 0x40)|bit(m.HasXTR, 0x10),
		bit(m.LocalXTR, 0x40)|bit(m.DontReply, 0x20)|byte(len(m.ITRs)-1),
		byte(len(m.Records)))
	out = binary.BigEndian.AppendUint64(out, m.Nonce)
	out, err := m.Source.append(out)
	for i := 0; err == nil && i < len(m.ITRs); i++ {
		out, err = m.ITRs[i].append(out)
	}
	for i := 0; err == nil && i < len(m.Records); i++ {
		out, err = m.Records[i].append(out)
	}
	if err == nil && m.HasMapping {
		out, err = m.Mapping.Append(out)
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", TypeMapRequest, err)
	}
	if m.HasXTR {
		out = m.XTR.append(out)
	}
	return out, nil
}

func (r *EIDRecord) decode(c *cursor) {
	*r = EIDRecord{}
	if head := c.take(2, "record"); head != nil {
		r.Notify = head[0]&0x80 != 0
		r.Prefix.decodeEID(c, head[1])
	}
}

func (r *EIDRecord) append(dst []byte) ([]byte, error) {
	if err := r.Prefix.check(); err != nil {
		return dst, err
	}
	return r.Prefix.Address.append(append(dst, bit(r.Notify, 0x80), r.Prefix.MaskLen))
}
