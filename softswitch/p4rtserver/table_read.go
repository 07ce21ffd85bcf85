package p4rtserver

import (
	"bytes"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

// tableFilter is a read request for table entries.
type tableFilter struct {
	req    *p4v1.TableEntry
	action string        // "" is any
	key    *engine.Entry // nil is any
}

// readTableEntries yields what a table_entry request asks for.
func (p *pipeline) readTableEntries(m *p4v1.TableEntry, yield func(*p4v1.Entity)) error {
	wrap := func(t *table, e engine.Entry, isDefault bool) {
		yield(&p4v1.Entity{Entity: &p4v1.Entity_TableEntry{TableEntry: p.formatEntry(t, e, isDefault, m.CounterData != nil)}})
	}
	if m.TimeSinceLastHit != nil {
		return unimplemented("time_since_last_hit of a table entry")
	}
	if m.MeterConfig != nil || m.MeterCounterData != nil {
		return unimplemented("meter_config and meter_counter_data of a table entry")
	}
	if m.TableId == 0 {
		for _, t := range p.schema.tableList {
			f := &tableFilter{req: &p4v1.TableEntry{IsDefaultAction: m.IsDefaultAction}}
			if err := p.scan(t, f, wrap); err != nil {
				return err
			}
		}
		return nil
	}
	t, err := p.schema.tableByID(m.TableId)
	if err != nil {
		return err
	}
	f, err := t.newFilter(m)
	if err != nil {
		return err
	}
	return p.scan(t, f, wrap)
}

func (t *table) newFilter(m *p4v1.TableEntry) (*tableFilter, error) {
	f := &tableFilter{req: m}
	if m.Action != nil {
		a, ok := t.actions[m.GetAction().GetAction().GetActionId()]
		if !ok {
			return nil, invalid("table %q has no action %d", t.name, m.GetAction().GetAction().GetActionId())
		}
		f.action = a.name
	}
	if len(m.Match) > 0 {
		if m.IsDefaultAction {
			return nil, invalid("table %q: the default entry has no match", t.name)
		}
		e, err := t.parseKey(m.Match, m.Priority)
		if err != nil {
			return nil, err
		}
		f.key = &e
	}
	return f, nil
}

// scan calls yield for each entry of t that passes the filter.
func (p *pipeline) scan(t *table, f *tableFilter, yield func(t *table, e engine.Entry, isDefault bool)) error {
	if f.req.IsDefaultAction {
		e, err := p.plane.DefaultAction(t.name)
		if err == nil && e.Action != "" && p.passes(t, f, e, t.defaultKey()) {
			yield(t, e, true)
		}
		return engineError(err)
	}
	if len(t.fields) == 0 {
		return nil
	}
	if f.key != nil && (!t.needsPriority || f.req.Priority != 0) {
		e, err := p.plane.ReadEntry(t.name, *f.key)
		if err == nil && p.passes(t, f, e, t.keyOf(e)) {
			yield(t, e, false)
		}
		if status.Code(engineError(err)) == codes.NotFound {
			return nil
		}
		return engineError(err)
	}
	return engineError(p.plane.ReadEntries(t.name, func(e engine.Entry) bool {
		if p.passes(t, f, e, t.keyOf(e)) {
			yield(t, e, false)
		}
		return true
	}))
}

func (p *pipeline) passes(t *table, f *tableFilter, e engine.Entry, key string) bool {
	if f.action != "" && f.action != e.Action || f.req.Priority != 0 && int(f.req.Priority) != e.Priority {
		return false
	}
	if f.key != nil {
		want := *f.key
		want.Priority = e.Priority
		if t.keyOf(want) != t.keyOf(e) {
			return false
		}
	}
	n := p.notes[key]
	return (len(f.req.Metadata) == 0 || bytes.Equal(f.req.Metadata, n.metadata)) &&
		(f.req.ControllerMetadata == 0 || f.req.ControllerMetadata == n.controllerMetadata)
}

func (p *pipeline) formatEntry(t *table, e engine.Entry, isDefault, withCounter bool) *p4v1.TableEntry {
	key := t.defaultKey()
	if !isDefault {
		key = t.keyOf(e)
	}
	n := p.notes[key]
	out := &p4v1.TableEntry{
		TableId: t.id, Action: t.formatAction(e), IsDefaultAction: isDefault,
		Metadata: n.metadata, ControllerMetadata: n.controllerMetadata,
	}
	if !isDefault {
		out.Match, out.Priority = t.formatKey(e), int32(e.Priority)
	}
	if withCounter && t.counted {
		out.CounterData = counterData(e.Counter)
	}
	return out
}
