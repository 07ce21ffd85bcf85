package engine

import (
	"fmt"
)

// Direct counters and meters: a table entry's own.

// WriteDirectCounter sets the direct counter of the entry with e's match.
// (ReadEntry and ReadEntries return it in Entry.Counter.)
func (d *Dataplane) WriteDirectCounter(name string, e Entry, v CounterValue) error {
	return d.edit(name, func(t *table) error {
		if !t.def.counted {
			return fmt.Errorf("direct counter: %w", ErrUnknownObject)
		}
		old, err := t.find(&e)
		if err == nil {
			old.counter = v
		}
		return err
	})
}

// SetDirectMeter configures the direct meter of the entry with e's match.
func (d *Dataplane) SetDirectMeter(name string, e Entry, c *MeterConfig) error {
	return d.edit(name, func(t *table) error {
		if t.def.meter == nil {
			return fmt.Errorf("direct meter: %w", ErrUnknownObject)
		}
		old, err := t.find(&e)
		if err != nil {
			return err
		}
		if err := checkMeter(c); err != nil {
			return err
		}
		if old.meter == nil {
			old.meter = new(meterCell)
		}
		d.timeKept = false
		old.meter.configure(c, t.def.meter.info.Rates, d.micros())
		return nil
	})
}

// DirectMeter returns the configuration of an entry's direct meter; nil if it
// has none.
func (d *Dataplane) DirectMeter(name string, e Entry) (out *MeterConfig, err error) {
	err = d.edit(name, func(t *table) error {
		if t.def.meter == nil {
			return fmt.Errorf("direct meter: %w", ErrUnknownObject)
		}
		found, err := t.find(&e)
		if err == nil && found.meter != nil && found.meter.configured {
			cfg := found.meter.cfg
			out = &cfg
		}
		return err
	})
	return out, err
}
