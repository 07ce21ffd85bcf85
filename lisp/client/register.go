package client

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
)

// defaultTTL is the Record TTL of Mapping, in minutes.
const defaultTTL = 1440

// Mapping returns the record of an EID-prefix behind RLOCs of equal priority
// and weight, which an XTR registers.
func Mapping(eid lisp.EID, rlocs ...netip.Addr) lisp.Record {
	r := lisp.Record{Prefix: lisp.PrefixOf(eid), TTL: defaultTTL, Authoritative: true}
	for _, rloc := range rlocs {
		r.Locators = append(r.Locators, lisp.Locator{
			Address: lisp.Address{IP: rloc}, Priority: 1, Weight: 100, MPriority: lisp.PriorityUnused, Local: true, Reachable: true,
		})
	}
	return r
}

// Withdrawal returns the record that ends the registration of an EID-prefix.
func Withdrawal(eid lisp.EID) lisp.Record {
	r := Mapping(eid)
	r.TTL = 0
	return r
}

// Register registers records, in one Map-Register, and waits for the
// Map-Notify. It repeats the very message until that comes.
func (x *XTR) Register(ctx context.Context, records ...lisp.Record) error {
	nonce := x.nonce()
	packet, err := x.register(nonce, records)
	if err != nil {
		return err
	}
	acknowledged, err := x.openRegister(nonce)
	if err != nil {
		return err
	}
	defer x.closeRegister(nonce)
	for i := range x.config.Retry.attempts() {
		if err := x.send(packet, x.config.MapServer); err != nil {
			return fmt.Errorf("Map-Register to %s: %w", x.config.MapServer, err)
		}
		timer := time.NewTimer(x.config.Retry.timeout(i))
		select {
		case <-acknowledged:
			timer.Stop()
			x.own(records)
			return nil
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("Map-Register to %s: %w", x.config.MapServer, context.Cause(ctx))
		case <-timer.C:
		}
	}
	return fmt.Errorf("Map-Register to %s, %d attempts: %w", x.config.MapServer, x.config.Retry.attempts(), ErrNoNotify)
}

// register returns a signed Map-Register that wants a Map-Notify.
func (x *XTR) register(nonce uint64, records []lisp.Record) ([]byte, error) {
	m := lisp.MapRegister{
		ProxyReply: x.config.ProxyReply, UseTTL: x.config.UseTTL, Merge: x.config.Merge, WantNotify: true,
		Nonce: nonce, Auth: x.auth(), Records: records,
	}
	if x.config.XTR != nil {
		m.HasXTR, m.XTR = true, *x.config.XTR
	}
	packet, err := m.Append(nil)
	if err != nil {
		return nil, err
	}
	return packet, x.key.Sign(packet)
}

func (x *XTR) auth() lisp.Auth {
	a := lisp.Auth{KeyID: x.config.KeyID, Algorithm: x.config.Algorithm}
	if x.config.Truncate {
		a.Data = make([]byte, a.Algorithm.TruncatedSize())
	}
	return a
}

func (x *XTR) openRegister(nonce uint64) (acknowledged chan struct{}, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.registers) >= maxOpenRegisters {
		return nil, fmt.Errorf("Map-Register to %s: %w: %d", x.config.MapServer, ErrBusy, maxOpenRegisters)
	}
	acknowledged = make(chan struct{})
	x.registers[nonce] = acknowledged
	return acknowledged, nil
}

func (x *XTR) closeRegister(nonce uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.registers, nonce)
}

// own remembers what is registered, to answer Map-Requests for it.
func (x *XTR) own(records []lisp.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range cloneRecords(records) {
		eid, ok := r.Prefix.EID()
		switch {
		case !ok:
		case r.TTL == 0:
			delete(x.database, eid)
		default:
			x.database[eid] = r
		}
	}
}
