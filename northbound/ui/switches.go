package ui

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/live"
)

// maxSwitches is how many switches the list shows.
const maxSwitches = 500

// switchList is the list of switches, those that are not ready first.
type switchList struct {
	Rows  []switchRow
	More  int
	Maker maker
}

type switchRow struct {
	controller.SwitchStatus
	Site   string
	Target string
	Other  *master // another node that masters it
}

// Told reports whether the numbers are known: a node may not have published yet what
// it masters.
func (r switchRow) Told() bool { return r.Phase != controller.Standby }

func (u *UI) switches(r *http.Request) (view, error) {
	l := switchList{Maker: u.makerOf(r, u.kindOf(inventory.Switch))}
	cfg := u.opts.Source.Config()
	all := u.opts.Source.Switches()
	slices.SortStableFunc(all, func(a, b controller.SwitchStatus) int { return rank(&a) - rank(&b) })
	masters := u.masters()
	for _, sw := range all[:min(len(all), maxSwitches)] {
		l.Rows = append(l.Rows, rowOf(cfg, masters, sw))
	}
	l.More = len(all) - len(l.Rows)
	return view{Title: "Switches", Data: l}, nil
}

func rowOf(cfg *config.Config, masters map[string]*master, st controller.SwitchStatus) switchRow {
	row := switchRow{SwitchStatus: st, Other: masters[st.Name]}
	if sw := cfg.FindSwitch(st.Name); sw != nil {
		row.Site, row.Target = sw.Site, string(sw.Target)
	}
	return row
}

// rank orders switches by how much they need somebody.
func rank(sw *controller.SwitchStatus) int {
	switch {
	case sw.Phase == controller.Failing:
		return 0
	case sw.Phase == controller.Ready && len(sw.Problems) == 0:
		return 2
	}
	return 1
}

// switchPage is what the page of a switch shows.
type switchPage struct {
	switchRow
	Config *config.Switch
	Origin origin
	Live   live.Switch
	Tables []tableUse // that have entries, fullest first
	Empty  []tableUse
}

// statusOf is the status of a switch. The controller may not know one that was just
// made.
func (u *UI) statusOf(sw *config.Switch, object *inventory.Object) controller.SwitchStatus {
	for _, st := range u.opts.Source.Switches() {
		if st.Name == sw.Name {
			return st
		}
	}
	st := controller.SwitchStatus{Name: sw.Name, Address: sw.Address, Since: object.Changed, Phase: controller.Connecting, Reason: "the controller was not told of it yet"}
	if object.Unused != "" {
		st.Phase, st.Reason = controller.Failing, "not in use: "+object.Unused
	}
	return st
}

// tableUse is how full a table is.
type tableUse struct {
	controller.TableUse
	Percent float64
}

func (u *UI) oneSwitch(r *http.Request) (view, error) {
	name, kind := r.PathValue("name"), u.kindOf(inventory.Switch)
	object, _ := u.opts.Source.Object(kind.ref(name))
	sw := u.opts.Source.Config().FindSwitch(name)
	if spec, ok := object.Spec.(config.Switch); sw == nil && ok {
		sw = &spec
	}
	if sw == nil {
		return view{}, u.missing(kind.Kind, name)
	}
	p := switchPage{Config: sw, Origin: u.originOf(r, kind, &object, name)}
	p.switchRow = switchRow{u.statusOf(sw, &object), sw.Site, string(sw.Target), u.masters()[name]}
	if p.Other != nil {
		return view{Title: "Switch " + name, Data: p}, nil // what only its master knows is there
	}
	p.Live = u.opts.Sampler.Switches(r.Context(), name)[0]
	for _, t := range u.opts.Source.Tables(name) {
		switch use := (tableUse{t, 100 * float64(t.Wanted) / float64(max(1, t.Size))}); {
		case t.Wanted > 0:
			p.Tables = append(p.Tables, use)
		case t.Size > 1: // others hold a default only
			p.Empty = append(p.Empty, use)
		}
	}
	slices.SortStableFunc(p.Tables, func(a, b tableUse) int { return cmp.Compare(b.Percent, a.Percent) })
	return view{Title: "Switch " + name, Data: p}, nil
}
