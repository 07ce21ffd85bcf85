package ui

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/controller/p4rt"
)

// effect is what a change would do.
type effect struct {
	Wrong    int // in the form
	Did      string
	Switches []switchEffect
	Warnings []string // that there are not now
}

// switchEffect is what would be written to a switch.
type switchEffect struct {
	Switch                     string
	Inserts, Modifies, Deletes int
	Problems                   []string
}

// Writes is what is inserted, modified and deleted, as a diff has it.
func (e switchEffect) Writes() string {
	var parts []string
	for _, n := range []struct {
		sign  string
		count int
	}{{"+", e.Inserts}, {"~", e.Modifies}, {"−", e.Deletes}} {
		if n.count > 0 {
			parts = append(parts, n.sign+count(n.count))
		}
	}
	return strings.Join(parts, " ")
}

// effectOf previews what a form would do.
func (u *UI) effectOf(r *http.Request, f *form) effect {
	c := inventory.Change{Ref: f.ref(cmp.Or(f.Object, f.values.Get("name"), "-")), Op: inventory.Put}
	if f.New {
		c.IfNoneMatch = []string{"*"}
	}
	body, err := json.Marshal(specOf(f.editable.Fields, f.values, ""))
	var e effect
	if err == nil {
		c.Body = body
		e, err = u.preview(r, c)
	}
	if err != nil {
		f.refuse(err)
		e.Wrong = f.Wrong()
	}
	return e
}

// preview says what a change would do.
func (u *UI) preview(r *http.Request, c inventory.Change) (e effect, err error) {
	result, err := u.opts.Source.Preview(r.Context(), c)
	if err != nil {
		return e, err
	}
	e.Did = result.Did
	now := u.opts.Source.Config().Warnings
	for _, w := range result.Warnings {
		if !slices.Contains(now, w) {
			e.Warnings = append(e.Warnings, w)
		}
	}
	previews, err := u.opts.Source.Difference(result.Config)
	if err != nil {
		return e, err
	}
	for i := range previews {
		e.Switches = append(e.Switches, effectOn(&previews[i]))
	}
	return e, nil
}

func effectOn(p *controller.Preview) switchEffect {
	e := switchEffect{Switch: p.Switch, Problems: p.Problems}
	for i := range p.Updates {
		switch p.Updates[i].Op {
		case p4rt.Insert:
			e.Inserts++
		case p4rt.Modify:
			e.Modifies++
		case p4rt.Delete:
			e.Deletes++
		}
	}
	return e
}
