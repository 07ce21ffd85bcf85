package bmv2test

import (
	"context"
	"slices"
	"testing"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// testerElection outranks any controller's election id.
var testerElection = p4rt.ElectionID{High: 1 << 62}

// control is the tester's hold on one switch.
type control struct {
	name    string
	session *p4rt.Session
	slot    int64 // of the channel at the ITR, of its stream at an ETR
}

func takeOver(ctx context.Context, t *testing.T, fig *Fig2, d int, schema *p4rt.Schema) *control {
	t.Helper()
	c := &control{name: SwitchName(d)}
	var err error
	c.session, err = p4rt.Dial(ctx, schema, p4rt.Options{
		Address: fig.Address(c.name), DeviceID: uint64(d + 1), ElectionID: testerElection,
		OnStreamError: func(err error) { t.Errorf("%s: %v", c.name, err) },
	})
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	table, param := build.TableStreams, build.ParamStreamSlot
	if d == 0 {
		table, param = build.TableChannels, build.ParamChannelSlot
	}
	entries := c.entries(ctx, t, table)
	if len(entries) != 1 {
		t.Fatalf("%s: table %s has %d entries, want 1: %v", c.name, table, len(entries), entries)
	}
	for _, p := range entries[0].Params {
		if p.Name == param {
			c.slot = valueOf(p.Value)
		}
	}
	return c
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
	}
	return c.name + " " + name
}

func drop(d int, reason int64) cell {
	return cell{SwitchName(d), build.CounterDropReasons, reason}
}

func punt(d int, reason int64) cell {
	return cell{SwitchName(d), build.CounterPuntReasons, reason}
}

// event is one of the events of the network's only channel.
func event(d int, event int64) cell {
	return cell{SwitchName(d), build.CounterSlotEvents, event}
}

// counts holds the cells that are not 0.
type counts map[cell]uint64

// read adds all of a switch's cells to into.
func (c *control) read(ctx context.Context, t *testing.T, into counts) {
	t.Helper()
	for _, r := range []struct {
		counter  string
		first, n int64
	}{
		{build.CounterDropReasons, 0, build.ReasonCells},
		{build.CounterPuntReasons, 0, build.ReasonCells},
		{build.CounterSlotEvents, c.slot * 8, 8},
	} {
		cells, err := c.session.ReadCounter(ctx, r.counter, r.first, r.n)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for i, v := range cells {
			if v.Packets > 0 {
				into[cell{c.name, r.counter, int64(i)}] = v.Packets
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
