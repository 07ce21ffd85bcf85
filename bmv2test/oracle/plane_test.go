package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch/engine"
)

var program = sync.OnceValue(func() *engine.Program {
	p, err := engine.Compile(build.DeviceConfig())
	if err != nil {
		panic(err) // the program is part of the repository
	}
	return p
})

// plane is the P4 program on the softswitch, told what a Config says.
type plane struct {
	dp    *engine.Dataplane
	clock time.Time
	rows  map[string]Row
	slots map[uint16]bool // every slot it was ever told of
	sent  map[Stamp]bool  // every served stamp there could be
}

func newPlane(c *Config) (*plane, error) {
	p := &plane{clock: time.Unix(0, 0), rows: make(map[string]Row), slots: make(map[uint16]bool), sent: make(map[Stamp]bool)}
	p.dp = engine.New(program(), engine.Config{CPUPort: build.CPUPort, Now: func() time.Time { return p.clock }})
	for id, replicas := range c.MulticastGroups() {
		g := engine.MulticastGroup{ID: uint32(id)}
		for _, r := range replicas {
			g.Replicas = append(g.Replicas, engine.Replica{Port: uint32(r.Port), Instance: uint32(r.ID)})
		}
		if err := p.dp.InsertMulticastGroup(g); err != nil {
			return nil, err
		}
	}
	for slot, g := range c.Generations {
		if err := p.dp.WriteRegister("generations", int(slot), be.AppendUint32(nil, g)); err != nil {
			return nil, err
		}
	}
	for name, rates := range map[string]map[uint16]Rate{"slot_meter": c.SlotRates, "port_meter": c.PortRates, "punt_meter": widen(c.PuntRates)} {
		for i, r := range rates {
			m := &engine.MeterConfig{CIR: r.PerSecond, CBurst: r.Burst, PIR: r.PerSecond, PBurst: r.Burst}
			if err := p.dp.SetMeter(name, int(i), m); err != nil {
				return nil, err
			}
		}
	}
	return p, p.configure(c)
}

func widen(rates map[uint8]Rate) map[uint16]Rate {
	wide := make(map[uint16]Rate)
	for i, r := range rates {
		wide[uint16(i)] = r
	}
	return wide
}

// configure writes what differs from what is there: deletions first.
func (p *plane) configure(c *Config) error {
	want := make(map[string]Row)
	for _, r := range c.Rows() {
		want[r.ID()] = r
	}
	for id, r := range p.rows {
		if _, keep := want[id]; !keep {
			e, err := p.entry(r)
			if err == nil {
				err = p.dp.DeleteEntry(r.Table, e)
			}
			if err != nil {
				return err
			}
		}
	}
	for id, r := range want {
		e, err := p.entry(r)
		if err != nil {
			return err
		}
		_, there := p.rows[id]
		switch {
		case r.Key == nil:
			err = p.dp.SetDefaultAction(r.Table, e.Action, e.Params)
		case there:
			err = p.dp.ModifyEntry(r.Table, e)
		default:
			err = p.dp.InsertEntry(r.Table, e)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", r, err)
		}
	}
	p.rows = want
	for _, ch := range c.Channels {
		p.slots[ch.Slot] = true
		for rloc := range c.Tunnels {
			p.sent[Stamp{ch.Slot, rloc}] = true
		}
	}
	for _, s := range c.Streams {
		p.slots[s.Slot] = true
	}
	return nil
}

// entry translates a row by the program's own word on the order of things.
func (p *plane) entry(r Row) (engine.Entry, error) {
	t, ok := program().Table(r.Table)
	if !ok {
		return engine.Entry{}, fmt.Errorf("no table %q", r.Table)
	}
	a, ok := t.Action(r.Action)
	if !ok {
		return engine.Entry{}, fmt.Errorf("table %s has no action %q", r.Table, r.Action)
	}
	e := engine.Entry{Action: r.Action}
	for _, k := range t.Keys {
		i := slices.IndexFunc(r.Key, func(f Field) bool { return f.Name == k.Name })
		if i < 0 {
			return e, fmt.Errorf("table %s: no value for key %s", r.Table, k.Name)
		}
		e.Match = append(e.Match, engine.Match{Value: r.Key[i].Value, PrefixLen: r.Key[i].Bits})
	}
	for _, param := range a.Params {
		i := slices.IndexFunc(r.Params, func(v Param) bool { return v.Name == param.Name })
		if i < 0 {
			return e, fmt.Errorf("table %s: no value for parameter %s of %s", r.Table, param.Name, r.Action)
		}
		e.Params = append(e.Params, r.Params[i].Value)
	}
	return e, nil
}

func (p *plane) receive(port uint16, frame []byte) []Out {
	var out []Out
	p.dp.Process(uint32(port), frame, func(port uint32, frame []byte) {
		out = append(out, Out{uint16(port), slices.Clone(frame)})
	})
	return out
}

// counted are the tables with direct counters whose entries no step deletes.
var counted = []string{"channels4", "channels6", "streams4", "streams6", "rlocs"}

// entryHits adds up a table's direct counters.
func (p *plane) entryHits(table string) (n uint64, err error) {
	err = p.dp.ReadEntries(table, func(e engine.Entry) bool {
		n += e.Counter.Packets
		return true
	})
	return n, err
}

// differs lists every counter that differs from the model's.
func (p *plane) differs(s *Switch) (diffs []string) {
	check := func(counter, what string, index int, want uint64) {
		v, err := p.dp.ReadCounter(counter, index)
		if err != nil {
			diffs = append(diffs, err.Error())
		} else if v.Packets != want {
			diffs = append(diffs, fmt.Sprintf("%s %s: the program counted %d, the oracle %d", counter, what, v.Packets, want))
		}
	}
	for i, r := range build.DropReasons {
		check(build.CounterDropReasons, r.Name, i, s.Drops[i])
	}
	for i, r := range build.PuntReasons {
		check(build.CounterPuntReasons, r.Name, i, s.Punts[i])
	}
	for _, slot := range slices.Sorted(maps.Keys(p.slots)) {
		for i, e := range build.SlotEvents {
			check(build.CounterSlotEvents, fmt.Sprintf("slot %d %s", slot, e.Name), int(slot)*16+i, s.Events[SlotEvent{slot, uint8(i)}])
		}
	}
	for st := range p.sent {
		at := (int(st.Slot)<<10 | int(st.RLOC)) * 2
		check(build.CounterRLOCEvents, fmt.Sprintf("slot %d RLOC %d headers", st.Slot, st.RLOC), at, s.Served[st].Headers)
		check(build.CounterRLOCEvents, fmt.Sprintf("slot %d RLOC %d copies", st.Slot, st.RLOC), at+1, s.Served[st].Copies)
	}
	for _, table := range counted {
		want := uint64(0)
		for hit, n := range s.Hits {
			if name, action, _ := strings.Cut(hit, " "); name == table && !strings.HasPrefix(action, "no_") {
				want += n
			}
		}
		if n, err := p.entryHits(table); err != nil || n != want {
			diffs = append(diffs, fmt.Sprintf("direct counters of %s: the program counted %d, the oracle %d (%v)", table, n, want, err))
		}
	}
	if n := p.dp.Stats().Panics; n != 0 {
		diffs = append(diffs, fmt.Sprintf("%d packets met a bug of the engine", n))
	}
	return diffs
}
