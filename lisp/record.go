package lisp

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Action tells an ITR what to do with packets to an EID-prefix without
// locators, RFC 9301 §5.4.
type Action uint8

// The actions of RFC 9301 §5.4.
const (
	ActionNone           Action = 0 // keep the entry, encapsulate nothing
	ActionForward        Action = 1 // Natively-Forward
	ActionSendMapRequest Action = 2 // ask again for every packet
	ActionDrop           Action = 3 // Drop/No-Reason
	ActionPolicyDenied   Action = 4 // Drop/Policy-Denied
	ActionAuthFailure    Action = 5 // Drop/Auth-Failure
)

// String returns the name that RFC 9301 gives to the action.
func (a Action) String() string {
	switch a {
	case ActionNone:
		return "No-Action"
	case ActionForward:
		return "Natively-Forward"
	case ActionSendMapRequest:
		return "Send-Map-Request"
	case ActionDrop:
		return "Drop/No-Reason"
	case ActionPolicyDenied:
		return "Drop/Policy-Denied"
	case ActionAuthFailure:
		return "Drop/Auth-Failure"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// TTLForever is the Record TTL that leaves it to the receiver how long to keep
// a mapping.
const TTLForever = 0xffffffff

// Record is a mapping record of a Map-Reply, Map-Register or Map-Notify, RFC
// 9301 §5.4:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------------------------------------------------------+
//	|                          Record TTL                           |
//	+---------------+---------------+-----+-+-----------------------+
//	| Locator Count | EID mask-len  | ACT |A|      Reserved         |
//	+-------+-------+---------------+-----+-+-----------------------+
//	| Rsvd  |  Map-Version Number   |       EID-Prefix-AFI          |
//	+-------+-----------------------+-------------------------------+
//	|                          EID-Prefix                           |
//	+---------------------------------------------------------------+
//	|                       Locators  . . .                         |
//	+---------------------------------------------------------------+
type Record struct {
	Prefix        EIDPrefix
	TTL           uint32 // minutes
	Action        Action // 3 bits, with no locators
	Authoritative bool   // A
	MapVersion    uint16 // 12 bits
	Locators      []Locator
}

// Lifetime returns the Record TTL as a duration, and false for TTLForever. What
// is too long for a Duration (292 years) is the longest one.
func (r *Record) Lifetime() (time.Duration, bool) {
	const longest = math.MaxInt64 / time.Minute
	return min(time.Duration(r.TTL), longest) * time.Minute, r.TTL != TTLForever
}

const (
	recordHeaderSize  = 10 // up to the AFI
	locatorHeaderSize = 6  // up to the AFI
	flagAuthoritative = 0x1000
	flagIncomplete    = 0x0800 // Map-Referral only
	maxMapVersion     = 0xfff
)

// Decode reads the record at the start of packet, reusing r.Locators, and
// returns what follows it.
func (r *Record) Decode(packet []byte) ([]byte, error) {
	c := cursor{rest: packet}
	r.decode(&c)
	return c.rest, c.err
}

// decode reads a record and returns the two reserved fields, of which
// Map-Referral uses some bits.
func (r *Record) decode(c *cursor) (flags uint16, rsvd uint8) {
	*r = Record{Locators: r.Locators[:0]}
	head := c.take(recordHeaderSize, "record")
	if head == nil {
		return 0, 0
	}
	flags = binary.BigEndian.Uint16(head[6:])
	r.TTL = binary.BigEndian.Uint32(head)
	r.Action = Action(flags >> 13)
	r.Authoritative = flags&flagAuthoritative != 0
	r.MapVersion = binary.BigEndian.Uint16(head[8:]) & maxMapVersion
	r.Prefix.decodeEID(c, head[5])
	for range head[4] {
		if c.err != nil {
			break
		}
		next(&r.Locators).decode(c)
	}
	return flags, head[8] >> 4
}

// Append appends the record.
func (r *Record) Append(dst []byte) ([]byte, error) {
	return r.append(dst, 0, 0)
}

// append appends the record with bits for the two reserved fields.
func (r *Record) append(dst []byte, flags uint16, rsvd uint8) ([]byte, error) {
	if r.Action > 7 || r.MapVersion > maxMapVersion || len(r.Locators) > 255 {
		return dst, fmt.Errorf("%w: record %s with action %d, map-version %d, %d locators",
			ErrValue, &r.Prefix, r.Action, r.MapVersion, len(r.Locators))
	}
	if err := r.Prefix.check(); err != nil {
		return dst, err
	}
	flags |= uint16(r.Action) << 13
	if r.Authoritative {
		flags |= flagAuthoritative
	}
	out := binary.BigEndian.AppendUint32(dst, r.TTL)
	out = append(out, byte(len(r.Locators)), r.Prefix.MaskLen)
	out = binary.BigEndian.AppendUint16(out, flags)
	out = binary.BigEndian.AppendUint16(out, uint16(rsvd)<<12|r.MapVersion)
	out, err := r.Prefix.Address.append(out)
	for i := 0; err == nil && i < len(r.Locators); i++ {
		out, err = r.Locators[i].Append(out)
	}
	if err != nil {
		return dst, fmt.Errorf("record %s: %w", &r.Prefix, err)
	}
	return out, nil
}

// Locator is one RLOC of a record, RFC 9301 §5.4:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+---------------+---------------+---------------+
//	|    Priority   |    Weight     |  M Priority   |   M Weight    |
//	+---------------+---------+-+-+-+-------------------------------+
//	|        Unused Flags     |L|p|R|           Loc-AFI             |
//	+-------------------------+-+-+-+-------------------------------+
//	|                            Locator                            |
//	+---------------------------------------------------------------+
type Locator struct {
	Address            Address
	Priority, Weight   uint8 // of unicast; priority 255: do not use
	MPriority, MWeight uint8 // of multicast
	Local              bool  // L: of the ETR that sends this
	Probed             bool  // p: the one that was probed
	Reachable          bool  // R: the sender has a route to it
}

// PriorityUnused is the priority of a locator that must not be used.
const PriorityUnused = 255

func (l *Locator) decode(c *cursor) {
	*l = Locator{}
	head := c.take(locatorHeaderSize, "locator")
	if head == nil {
		return
	}
	l.Priority, l.Weight, l.MPriority, l.MWeight = head[0], head[1], head[2], head[3]
	l.Local, l.Probed, l.Reachable = head[5]&4 != 0, head[5]&2 != 0, head[5]&1 != 0
	l.Address.decode(c)
}

// Append appends the locator: for those who keep their records encoded.
func (l *Locator) Append(dst []byte) ([]byte, error) {
	flags := bit(l.Local, 4) | bit(l.Probed, 2) | bit(l.Reachable, 1)
	return l.Address.append(append(dst, l.Priority, l.Weight, l.MPriority, l.MWeight, 0, flags))
}
