package ui

import (
	"errors"
	"net/http"

	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/auth"
)

// deletion asks whether an object is to be deleted.
type deletion struct {
	*editable
	Object  string
	Version string
	Effect  effect
	InUse   bool  // others need it: it cannot be deleted now
	Err     error // why it was not, or cannot be
}

// Page is that of the object.
func (d *deletion) Page() string { return d.page(d.Object) }

func (u *UI) showDeletion(w http.ResponseWriter, status int, title string, d *deletion) {
	u.write(w, status, layout{view: view{Title: title, Data: d}, Page: "delete", Section: d.formPage().section})
}

func (u *UI) deleteForm(k *editable) http.HandlerFunc {
	return u.changeable(k, func(w http.ResponseWriter, r *http.Request, o inventory.Object) {
		d := &deletion{editable: k, Object: o.Name, Version: o.Version}
		d.Effect, d.Err = u.preview(r, inventory.Change{Ref: o.Ref, Op: inventory.Delete})
		var conflict *inventory.ConflictError
		d.InUse = errors.As(d.Err, &conflict)
		u.showDeletion(w, http.StatusOK, "Delete "+o.Name, d)
	})
}

func (u *UI) delete(k *editable) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !u.may(w, r, k) {
			return
		}
		name, version := r.PathValue("name"), r.PostFormValue("version")
		_, err := u.opts.Source.Do(r.Context(), inventory.Change{
			Ref: k.ref(name), Op: inventory.Delete, IfMatch: []string{version}, Who: auth.PrincipalFrom(r.Context()).ID(),
		})
		if err != nil {
			u.showDeletion(w, http.StatusConflict, "Not deleted: "+name, &deletion{editable: k, Object: name, Version: version, Err: err})
			return
		}
		http.Redirect(w, r, k.List, http.StatusSeeOther)
	}
}
