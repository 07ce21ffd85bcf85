package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// control is what the checks look at in a control message, by itself or within
// an ECM.
type control struct {
	packet
	encapsulated    bool
	kind            lisp.Type
	nonce           uint64
	smr, smrInvoked bool
	records         []record
}

// record is one EID-prefix that a message asks for or maps.
type record struct {
	eid           lisp.EID
	rlocs         []netip.Addr
	ttl           uint32
	authoritative bool
}

// has says whether the message has a record for exactly this prefix.
func (c *control) has(e lisp.EID) bool {
	return slices.ContainsFunc(c.records, func(r record) bool { return r.eid == e })
}

// isControl matches LISP control messages.
func isControl(p packet) bool {
	return p.src.Port() == lisp.ControlPort || p.dst.Port() == lisp.ControlPort
}

// isData matches encapsulated packets from one node to another.
func isData(src, dst *node) func(packet) bool {
	return func(p packet) bool { return p.dst.Port() == lisp.DataPort && between(p, src, dst) }
}

func between(p packet, src, dst *node) bool {
	return slices.Contains(src.rlocs, p.src.Addr()) && slices.Contains(dst.rlocs, p.dst.Addr())
}

// decode reads a control message with our codec.
func decode(t *testing.T, p packet) control {
	t.Helper()
	c := control{packet: p}
	message := p.payload
	if lisp.PeekType(message) == lisp.TypeECM {
		var ecm lisp.ECM
		if err := ecm.Decode(message); err != nil {
			t.Fatalf("ECM from %v: %v: %x", p.src, err, p.payload)
		}
		c.encapsulated, message = true, ecm.Inner.Message
	}
	c.kind = lisp.PeekType(message)
	if err := c.decodeMessage(message); err != nil {
		t.Fatalf("%v from %v: %v: %x", c.kind, p.src, err, p.payload)
	}
	return c
}

func (c *control) decodeMessage(message []byte) error {
	switch c.kind {
	case lisp.TypeMapRequest:
		var m lisp.MapRequest
		if err := m.Decode(message); err != nil {
			return err
		}
		c.nonce, c.smr, c.smrInvoked = m.Nonce, m.SMR, m.SMRInvoked
		for _, r := range m.Records {
			eid, _ := r.Prefix.EID()
			c.records = append(c.records, record{eid: eid})
		}
	case lisp.TypeMapReply:
		var m lisp.MapReply
		if err := m.Decode(message); err != nil {
			return err
		}
		c.nonce = m.Nonce
		c.add(m.Records)
	case lisp.TypeMapRegister:
		var m lisp.MapRegister
		if err := m.Decode(message); err != nil {
			return err
		}
		c.nonce = m.Nonce
		c.add(m.Records)
	case lisp.TypeMapNotify:
		var m lisp.MapNotify
		if err := m.Decode(message); err != nil {
			return err
		}
		c.nonce = m.Nonce
		c.add(m.Records)
	}
	return nil
}

func (c *control) add(records []lisp.Record) {
	for _, r := range records {
		eid, _ := r.Prefix.EID()
		found := record{eid: eid, ttl: r.TTL, authoritative: r.Authoritative}
		for _, l := range r.Locators {
			found.rlocs = append(found.rlocs, l.Address.IP)
		}
		c.records = append(c.records, found)
	}
}

// sent returns the control messages from one node to another since a mark.
func (n *network) sent(t *testing.T, mark int, kind lisp.Type, src, dst *node) []control {
	t.Helper()
	var found []control
	for _, p := range n.capture.since(mark, isControl) {
		if !between(p, src, dst) {
			continue
		}
		if c := decode(t, p); c.kind == kind {
			found = append(found, c)
		}
	}
	return found
}

// awaitSent waits for a control message that matches.
func (n *network) awaitSent(t *testing.T, mark int, kind lisp.Type, src, dst *node, match func(control) bool) control {
	t.Helper()
	var found control
	within(t, messageLimit, func() string {
		all := n.sent(t, mark, kind, src, dst)
		if i := slices.IndexFunc(all, match); i >= 0 {
			found = all[i]
			return ""
		}
		return fmt.Sprintf("the expected %v from %s to %s is not among %d", kind, src.name, dst.name, len(all))
	})
	return found
}

// within waits until there is no complaint any more.
func within(t *testing.T, limit time.Duration, complaint func() string) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		text := complaint()
		if text == "" {
			return
		}
		if time.Since(start) > limit {
			t.Fatalf("after %v: %s", limit, text)
		}
	}
}
