package engine

import (
	"fmt"
	"math/big"
)

// The control plane's side of counters, registers and meters.

func outOfRange(what, name string, index, size int) error {
	return fmt.Errorf("%s %s: index %d: it has %d cells: %w", what, name, index, size, ErrOutOfRange)
}

func (d *Dataplane) counterLocked(name string, index int) (*CounterValue, error) {
	def := d.prog.counters[name]
	if def == nil {
		return nil, fmt.Errorf("indexed counter %q: %w", name, ErrUnknownObject)
	}
	cells := d.counters[def.index]
	if index < 0 || index >= len(cells) {
		return nil, outOfRange("counter", name, index, len(cells))
	}
	return &cells[index], nil
}

// ReadCounter returns one cell of an indexed counter.
func (d *Dataplane) ReadCounter(name string, index int) (CounterValue, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.counterLocked(name, index)
	if err != nil {
		return CounterValue{}, err
	}
	return *c, nil
}

// WriteCounter sets one cell of an indexed counter.
func (d *Dataplane) WriteCounter(name string, index int, v CounterValue) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.counterLocked(name, index)
	if err == nil {
		*c = v
	}
	return err
}

// ReadCounters calls yield for each cell of an indexed counter until it
// returns false. The lock is not held during yield.
func (d *Dataplane) ReadCounters(name string, yield func(index int, v CounterValue) bool) error {
	def := d.prog.counters[name]
	if def == nil {
		return fmt.Errorf("indexed counter %q: %w", name, ErrUnknownObject)
	}
	var chunk [readChunk]CounterValue
	for from := 0; from < def.info.Size; from += readChunk {
		d.mu.Lock()
		n := copy(chunk[:], d.counters[def.index][from:])
		d.mu.Unlock()
		for i := range n {
			if !yield(from+i, chunk[i]) {
				return nil
			}
		}
	}
	return nil
}

func (d *Dataplane) registerDef(name string, index int) (*registerDef, error) {
	def := d.prog.registers[name]
	if def == nil {
		return nil, fmt.Errorf("register %q: %w", name, ErrUnknownObject)
	}
	if index < 0 || index >= def.info.Size {
		return nil, outOfRange("register", name, index, def.info.Size)
	}
	return def, nil
}

// loadLocked copies a cell to b, which has the cell's length.
func (d *Dataplane) loadLocked(def *registerDef, index int, b []byte) {
	s := &d.registers[def.index]
	if def.wide() {
		copy(b, s.bytes[index*len(b):])
		return
	}
	storeWords(b, s.words[index:index+1], def.info.Bits)
}

// ReadRegister returns one cell, big-endian, as many bytes as the cell has.
func (d *Dataplane) ReadRegister(name string, index int) ([]byte, error) {
	def, err := d.registerDef(name, index)
	if err != nil {
		return nil, err
	}
	b := make([]byte, (def.info.Bits+7)/8)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loadLocked(def, index, b)
	return b, nil
}

// ReadRegisters calls yield for each cell until it returns false; value is
// valid during the call. The lock is not held during yield.
func (d *Dataplane) ReadRegisters(name string, yield func(index int, value []byte) bool) error {
	def := d.prog.registers[name]
	if def == nil {
		return fmt.Errorf("register %q: %w", name, ErrUnknownObject)
	}
	size := (def.info.Bits + 7) / 8
	buf := make([]byte, readChunk*size)
	for from := 0; from < def.info.Size; from += readChunk {
		n := min(readChunk, def.info.Size-from)
		d.mu.Lock()
		for i := range n {
			d.loadLocked(def, from+i, buf[i*size:][:size])
		}
		d.mu.Unlock()
		for i := range n {
			if !yield(from+i, buf[i*size:][:size]) {
				return nil
			}
		}
	}
	return nil
}

// WriteRegister sets one cell from a big-endian value.
func (d *Dataplane) WriteRegister(name string, index int, value []byte) error {
	def, err := d.registerDef(name, index)
	if err != nil {
		return err
	}
	v := new(big.Int).SetBytes(value)
	if v.BitLen() > def.info.Bits {
		return fmt.Errorf("register %s: value of %d bits does not fit %d: %w", name, v.BitLen(), def.info.Bits, ErrBadValue)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.registers[def.index]
	if def.wide() {
		size := (def.info.Bits + 7) / 8
		v.FillBytes(s.bytes[index*size:][:size])
		return nil
	}
	s.words[index] = v.Uint64()
	return nil
}

func (d *Dataplane) meterLocked(name string, index int) (*meterCell, *meterDef, error) {
	def := d.prog.meters[name]
	if def == nil {
		return nil, nil, fmt.Errorf("indexed meter %q: %w", name, ErrUnknownObject)
	}
	cells := d.meters[def.index]
	if index < 0 || index >= len(cells) {
		return nil, nil, outOfRange("meter", name, index, len(cells))
	}
	return &cells[index], def, nil
}

func checkMeter(c *MeterConfig) error {
	if c != nil && c.PIR < c.CIR {
		return fmt.Errorf("meter: pir %d is below cir %d: %w", c.PIR, c.CIR, ErrBadValue)
	}
	return nil
}

// SetMeter configures one cell of an indexed meter; nil is the default:
// everything green.
func (d *Dataplane) SetMeter(name string, index int, c *MeterConfig) error {
	if err := checkMeter(c); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m, def, err := d.meterLocked(name, index)
	if err != nil {
		return err
	}
	d.timeKept = false
	m.configure(c, def.info.Rates, d.micros())
	return nil
}

// Meter returns the configuration of one cell; nil if it has none.
func (d *Dataplane) Meter(name string, index int) (*MeterConfig, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, _, err := d.meterLocked(name, index)
	if err != nil || !m.configured {
		return nil, err
	}
	cfg := m.cfg
	return &cfg, nil
}
