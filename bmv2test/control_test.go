package bmv2test

import (
	"context"
	"slices"
	"testing"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// slotCells is how many cells of its counter a slot has.
const slotCells = build.StatsCells / build.MaxSlots

// testerElection outranks any controller's election id.
var testerElection = p4rt.ElectionID{High: 1 << 62}

// control is the tester's hold on one switch.
type control struct {
	name    string
	session *p4rt.Session
	slots   map[bool]int64 // of the channel at the ITR, of its stream at an ETR; true is IPv6's
}

func takeOver(ctx context.Context, t *testing.T, fig *Fig2, d int, schema *p4rt.Schema) *control {
	t.Helper()
	c := &control{name: SwitchName(d), slots: make(map[bool]int64)}
	var err error
	c.session, err = p4rt.Dial(ctx, schema, p4rt.Options{
		Address: fig.Address(c.name), DeviceID: uint64(d + 1), ElectionID: testerElection,
		OnStreamError: func(err error) { t.Errorf("%s: %v", c.name, err) },
	})
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	tables := map[bool]string{false: build.TableStreams4, true: build.TableStreams6}
	if d == 0 {
		tables = map[bool]string{false: build.TableChannels4, true: build.TableChannels6}
	}
	for six, table := range tables {
		entries := c.entries(ctx, t, table)
		for _, e := range entries {
			c.slots[six] = paramOf(e, build.ParamStreamSlot) // channels name it alike
		}
		if want := !six || fig.Config.Channels[0].SourceEID6.IsValid(); len(entries) > 0 != want {
			t.Fatalf("%s: table %s has %d entries, want some: %v", c.name, table, len(entries), want)
		}
	}
	return c
}

// paramOf returns a parameter of an entry's action, -1 if it has none of that
// name.
func paramOf(e *p4rt.Entry, name string) int64 {
	for _, p := range e.Params {
		if p.Name == name {
			return valueOf(p.Value)
		}
	}
	return -1
}

// withParam returns a copy of an entry with another value of a parameter.
func withParam(e *p4rt.Entry, name string, v p4rt.Value) *p4rt.Entry {
	changed := *e
	changed.Params = slices.Clone(e.Params)
	for i := range changed.Params {
		if changed.Params[i].Name == name {
			changed.Params[i].Value = v
		}
	}
	return &changed
}

func valueOf(v p4rt.Value) (n int64) {
	for _, b := range []byte(v) {
		n = n<<8 | int64(b)
	}
	return n
}

// entries returns what a table holds, its default entry excepted.
func (c *control) entries(ctx context.Context, t *testing.T, table string) []*p4rt.Entry {
	t.Helper()
	all, err := c.session.ReadEntries(ctx)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return slices.DeleteFunc(all, func(e *p4rt.Entry) bool { return e.Table != table || e.Default })
}

// cell is one counter that a scenario watches.
type cell struct {
	name    string // of the switch
	counter string
	index   int64
	six     bool // of the channel's IPv6 pair
}

func (c cell) String() string {
	name := ""
	switch c.counter {
	case build.CounterDropReasons:
		name = "drop " + build.DropReasons[c.index].Name
	case build.CounterPuntReasons:
		name = "punt " + build.PuntReasons[c.index].Name
	case build.CounterSlotEvents:
		name = "event " + build.SlotEvents[c.index].Name
		if c.six {
			name += " of IPv6"
		}
	}
	return c.name + " " + name
}

func drop(d int, reason int64) cell {
	return cell{name: SwitchName(d), counter: build.CounterDropReasons, index: reason}
}

func punt(d int, reason int64) cell {
	return cell{name: SwitchName(d), counter: build.CounterPuntReasons, index: reason}
}

// event is one of the events of the network's only channel, in the family that
// t is about.
func (t *T) event(d int, event int64) cell {
	return cell{SwitchName(d), build.CounterSlotEvents, event, t.six}
}

// counts holds the cells that are not 0.
type counts map[cell]uint64

// read adds all of a switch's cells to into.
func (c *control) read(ctx context.Context, t *testing.T, into counts) {
	t.Helper()
	type part struct {
		counter  string
		first, n int64
		six      bool
	}
	parts := []part{
		{build.CounterDropReasons, 0, build.ReasonCells, false},
		{build.CounterPuntReasons, 0, build.ReasonCells, false},
	}
	for six, slot := range c.slots {
		parts = append(parts, part{build.CounterSlotEvents, slot * slotCells, slotCells, six})
	}
	for _, r := range parts {
		cells, err := c.session.ReadCounter(ctx, r.counter, r.first, r.n)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for i, v := range cells {
			if v.Packets > 0 {
				into[cell{c.name, r.counter, int64(i), r.six}] = v.Packets
			}
		}
	}
}

// write makes updates and undoes them at the end of the scenario, last first.
func (c *control) write(t *T, updates ...p4rt.Update) {
	t.Helper()
	var undo []p4rt.Update
	for _, u := range updates {
		back, err := c.inverse(t, u)
		if err == nil {
			err = c.session.Write(t.ctx, []p4rt.Update{u})
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		undo = append(undo, back)
	}
	t.Cleanup(func() {
		for _, u := range slices.Backward(undo) {
			if err := c.session.Write(context.WithoutCancel(t.ctx), []p4rt.Update{u}); err != nil {
				t.Errorf("%s: undo: %v", c.name, err)
			}
		}
	})
}

func (c *control) inverse(t *T, u p4rt.Update) (p4rt.Update, error) {
	if u.Op == p4rt.Insert {
		return p4rt.Update{Op: p4rt.Delete, Object: u.Object}, nil
	}
	canonical, err := t.schema.Canonical(u.Object.(*p4rt.Entry))
	if err != nil {
		return p4rt.Update{}, err
	}
	for _, e := range c.entries(t.ctx, t.T, canonical.Table) {
		if e.Key() == canonical.Key() {
			if u.Op == p4rt.Delete {
				return p4rt.Update{Op: p4rt.Insert, Object: e}, nil
			}
			return p4rt.Update{Op: p4rt.Modify, Object: e}, nil
		}
	}
	t.Fatalf("%s: %v: there is no such entry", c.name, u)
	return p4rt.Update{}, nil
}
