package p4rtserver

import (
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

// entryNote is what a client may attach to an entry and read back.
type entryNote struct {
	metadata           []byte
	controllerMetadata uint64
}

func (p *pipeline) writeTableEntry(op p4v1.Update_Type, m *p4v1.TableEntry) error {
	t, err := p.schema.tableByID(m.GetTableId())
	if err != nil {
		return err
	}
	if op != p4v1.Update_DELETE {
		if err := t.checkExtras(m); err != nil {
			return err
		}
	}
	if m.IsDefaultAction {
		return p.writeDefault(op, t, m)
	}
	if t.isConst && (op != p4v1.Update_MODIFY || m.Action != nil) {
		return status.Errorf(codes.PermissionDenied, "table %q is const: only the counters of its entries can be modified", t.name)
	}
	if len(t.fields) == 0 {
		return invalid("table %q has no key, hence no entries: set is_default_action", t.name)
	}
	if err := t.checkPriority(m.Priority); err != nil {
		return err
	}
	e, err := t.parseKey(m.Match, m.Priority)
	if err != nil {
		return err
	}
	switch op {
	case p4v1.Update_INSERT:
		return p.insertEntry(t, e, m)
	case p4v1.Update_MODIFY:
		return p.modifyEntry(t, e, m)
	default:
		if err := p.plane.DeleteEntry(t.name, e); err != nil {
			return engineError(err)
		}
		delete(p.notes, t.keyOf(e))
		return nil
	}
}

// checkExtras refuses the parts of an entry that this switch would not honour.
func (t *table) checkExtras(m *p4v1.TableEntry) error {
	meter := m.MeterConfig != nil || m.MeterCounterData != nil
	switch {
	case meter && !t.metered:
		return invalid("table %q has no direct meter: leave out meter_config and meter_counter_data", t.name)
	case meter:
		return unimplemented("meter_config and meter_counter_data of a table entry")
	case m.IdleTimeoutNs != 0 && !t.ages:
		return invalid("table %q has no idle timeout: leave out idle_timeout_ns", t.name)
	case m.IdleTimeoutNs != 0:
		return unimplemented("idle_timeout_ns of a table entry")
	case m.TimeSinceLastHit != nil:
		return invalid("time_since_last_hit cannot be written")
	case m.CounterData != nil && !t.counted:
		return invalid("table %q has no direct counter: leave out counter_data", t.name)
	}
	return nil
}

func (p *pipeline) insertEntry(t *table, e engine.Entry, m *p4v1.TableEntry) error {
	if m.Action == nil {
		return invalid("table %q: an entry to insert needs an action", t.name)
	}
	var err error
	if e.Action, e.Params, err = t.parseAction(m.Action, false); err != nil {
		return err
	}
	if err := p.plane.InsertEntry(t.name, e); err != nil {
		return engineError(err)
	}
	p.note(t.keyOf(e), m)
	return p.setDirectCounter(t, e, m.CounterData)
}

func (p *pipeline) modifyEntry(t *table, e engine.Entry, m *p4v1.TableEntry) (err error) {
	if m.Action == nil { // keeps its action; it must be there all the same
		_, err = p.plane.ReadEntry(t.name, e)
	} else {
		if e.Action, e.Params, err = t.parseAction(m.Action, false); err != nil {
			return err
		}
		err = p.plane.ModifyEntry(t.name, e)
	}
	if err != nil {
		return engineError(err)
	}
	p.note(t.keyOf(e), m)
	return p.setDirectCounter(t, e, m.CounterData)
}

func (p *pipeline) setDirectCounter(t *table, e engine.Entry, data *p4v1.CounterData) error {
	if data == nil {
		return nil
	}
	return engineError(p.plane.WriteDirectCounter(t.name, e, counterValue(data)))
}

func (p *pipeline) note(key string, m *p4v1.TableEntry) {
	if len(m.Metadata) == 0 && m.ControllerMetadata == 0 {
		delete(p.notes, key)
		return
	}
	p.notes[key] = entryNote{metadata: m.Metadata, controllerMetadata: m.ControllerMetadata}
}

func (p *pipeline) writeDefault(op p4v1.Update_Type, t *table, m *p4v1.TableEntry) error {
	if op != p4v1.Update_MODIFY {
		return invalid("table %q: the default entry can only be modified", t.name)
	}
	if len(m.Match) != 0 || m.Priority != 0 {
		return invalid("table %q: the default entry has no match and no priority", t.name)
	}
	if m.CounterData != nil {
		return unimplemented("counter_data of a default entry")
	}
	if m.Action == nil {
		if err := p.plane.ResetDefaultAction(t.name); err != nil {
			return engineError(err)
		}
		delete(p.notes, t.defaultKey())
		return nil
	}
	name, params, err := t.parseAction(m.Action, true)
	if err != nil {
		return err
	}
	if err := p.plane.SetDefaultAction(t.name, name, params); err != nil {
		return engineError(err)
	}
	p.note(t.defaultKey(), m)
	return nil
}

func (t *table) defaultKey() string { return "default/" + t.name }

func (t *table) parseAction(m *p4v1.TableAction, asDefault bool) (string, [][]byte, error) {
	am, ok := m.GetType().(*p4v1.TableAction_Action)
	if !ok {
		return "", nil, invalid("table %q takes actions, not members or groups of an action profile", t.name)
	}
	a, ok := t.actions[am.Action.GetActionId()]
	if !ok {
		return "", nil, invalid("table %q has no action %d", t.name, am.Action.GetActionId())
	}
	if asDefault && !a.asDefault || !asDefault && !a.inEntries {
		return "", nil, status.Errorf(codes.PermissionDenied, "table %q: the program does not allow action %q here", t.name, a.name)
	}
	params := make([][]byte, len(a.params))
	for _, pm := range am.Action.Params {
		i, ok := a.paramByID[pm.GetParamId()]
		if !ok {
			return "", nil, invalid("action %q has no parameter %d", a.name, pm.GetParamId())
		}
		what := "action \"" + a.name + "\": parameter \"" + a.params[i].name + "\""
		if params[i] != nil {
			return "", nil, invalid("%s is given twice", what)
		}
		var err error
		if params[i], err = parseValue(what, pm.GetValue(), a.params[i].width); err != nil {
			return "", nil, err
		}
	}
	for i, v := range params {
		if v == nil {
			return "", nil, invalid("action %q: parameter %q is missing", a.name, a.params[i].name)
		}
	}
	return a.name, params, nil
}

func (t *table) formatAction(e engine.Entry) *p4v1.TableAction {
	a, ok := t.actionByName[e.Action]
	if !ok {
		return nil
	}
	out := &p4v1.Action{ActionId: a.id}
	for i, v := range e.Params {
		if i < len(a.params) {
			out.Params = append(out.Params, &p4v1.Action_Param{ParamId: a.params[i].id, Value: canonical(v)})
		}
	}
	return &p4v1.TableAction{Type: &p4v1.TableAction_Action{Action: out}}
}
