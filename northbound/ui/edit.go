package ui

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/auth"
)

// mayEdit reports whether whoever asks may change anything, and whether that would
// last.
func (u *UI) mayEdit(r *http.Request) bool {
	return u.refusal(r) == nil
}

// refusal is why whoever asks can change nothing.
func (u *UI) refusal(r *http.Request) error {
	switch {
	case auth.PrincipalFrom(r.Context()).Role < auth.Operator:
		return errReadOnly
	case !u.opts.Source.Durable():
		return errNoStore
	}
	return nil
}

// registerForms adds what changes objects.
func (u *UI) registerForms(mux *http.ServeMux) {
	for _, k := range u.kinds {
		name := k.Name()
		for pattern, h := range map[string]http.HandlerFunc{
			"GET /new/" + name: u.createForm(k), "POST /new/" + name: u.create(k),
			"GET /edit/" + name + "/{name}": u.editForm(k), "POST /edit/" + name + "/{name}": u.edit(k),
			"GET /delete/" + name + "/{name}": u.deleteForm(k), "POST /delete/" + name + "/{name}": u.delete(k),
			"POST /check/" + name: u.check(k),
		} {
			mux.Handle(pattern, u.secure(h))
		}
	}
}

// formPage is where the errors of forms of a kind belong.
func (k *editable) formPage() page { return page{section: strings.TrimPrefix(k.List, "/")} }

// page is the URL of an object's page.
func (k *editable) page(name string) string { return k.List + "/" + url.PathEscape(name) }

// may answers who can change nothing.
func (u *UI) may(w http.ResponseWriter, r *http.Request, k *editable) bool {
	err := u.refusal(r)
	if err != nil {
		u.fail(w, k.formPage(), err)
	}
	return err == nil
}

func (u *UI) showForm(w http.ResponseWriter, status int, f *form, focus string) {
	title := "New " + f.Name()
	if !f.New {
		title = "Change " + f.Object
	}
	if f.Wrong() > 0 {
		title = "Not done: " + title
	}
	f.lay(u.opts.Source.Config(), focus)
	u.write(w, status, layout{view: view{Title: title, Data: f}, Page: "form", Section: f.formPage().section})
}

func (u *UI) createForm(k *editable) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !u.may(w, r, k) {
			return
		}
		values := url.Values{}
		for name, value := range k.Start {
			values.Set(name, value)
		}
		u.showForm(w, http.StatusOK, newForm(k, "", values), "")
	}
}

// create makes an object that must not exist.
func (u *UI) create(k *editable) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, done := u.read(w, r, k, "")
		if done {
			return
		}
		name := strings.TrimSpace(f.values.Get("name"))
		if name == "" {
			f.Errors["name"] = "A " + k.Name() + " needs a name: give one."
			u.showForm(w, http.StatusUnprocessableEntity, f, "")
			return
		}
		u.change(w, r, f, inventory.Change{Ref: k.ref(name), Op: inventory.Put, IfNoneMatch: []string{"*"}})
	}
}

// changeable shows the object of the path where it may be changed here, else says
// why it may not.
func (u *UI) changeable(k *editable, show func(http.ResponseWriter, *http.Request, inventory.Object)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !u.may(w, r, k) {
			return
		}
		name := r.PathValue("name")
		o, ok := u.opts.Source.Object(k.ref(name))
		switch {
		case !ok:
			u.fail(w, k.formPage(), u.missing(k.Kind, name))
		case o.Changed.IsZero():
			u.fail(w, k.formPage(), &ofFile{o})
		default:
			show(w, r, o)
		}
	}
}

func (u *UI) editForm(k *editable) http.HandlerFunc {
	return u.changeable(k, func(w http.ResponseWriter, _ *http.Request, o inventory.Object) {
		f := newForm(k, o.Name, valuesOf(k.Fields, o.Spec))
		f.Version = o.Version
		u.showForm(w, http.StatusOK, f, "")
	})
}

// edit changes an object, if it is still what the form showed.
func (u *UI) edit(k *editable) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, done := u.read(w, r, k, r.PathValue("name"))
		if !done {
			u.change(w, r, f, inventory.Change{Ref: k.ref(f.Object), Op: inventory.Put, IfMatch: []string{f.Version}})
		}
	}
}

// read reads the form of a request. It answers the request if that only asks for
// another row, or one less.
func (u *UI) read(w http.ResponseWriter, r *http.Request, k *editable, name string) (f *form, done bool) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
		return nil, true
	}
	f = newForm(k, name, r.PostForm)
	f.Version = r.PostForm.Get("version")
	if row := r.PostForm.Get("remove"); row != "" {
		f.values = withoutRow(k.Fields, f.values, row)
		list, _, _ := strings.Cut(row, ".")
		u.showForm(w, http.StatusOK, f, lastRow(f.values, list))
		return f, true
	}
	for i := range k.Fields {
		if d := &k.Fields[i]; d.Input == rowsInput && d.Name == r.PostForm.Get("add") {
			f.values = renumbered(k.Fields, f.values, func(*field, string) bool { return true })
			addRow(d, f.values)
			u.showForm(w, http.StatusOK, f, lastRow(f.values, d.Name))
			return f, true
		}
	}
	f.values = withoutBlankRows(k.Fields, f.values)
	return f, false
}

// change does what a form asks for, and leads to the object's page, or back to the
// form.
func (u *UI) change(w http.ResponseWriter, r *http.Request, f *form, c inventory.Change) {
	err := u.refusal(r)
	if err == nil {
		c.Who = auth.PrincipalFrom(r.Context()).ID()
		if c.Body, err = json.Marshal(specOf(f.editable.Fields, f.values, "")); err == nil {
			_, err = u.opts.Source.Do(r.Context(), c)
		}
	}
	if err != nil {
		u.showForm(w, f.refuse(err), f, "")
		return
	}
	http.Redirect(w, r, f.page(c.Name), http.StatusSeeOther)
}

// check answers with what the form would do, for the page to show beneath it.
func (u *UI) check(k *editable) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || !u.mayEdit(r) {
			http.Error(w, "this cannot be checked", http.StatusBadRequest)
			return
		}
		f := newForm(k, r.PostForm.Get("of"), withoutBlankRows(k.Fields, r.PostForm))
		e := u.effectOf(r, f)
		text, err := u.body("effect", view{Data: e})
		if err != nil {
			u.log.Error("page", "page", "effect", "error", err)
			http.Error(w, "this cannot be shown", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(text)) // the browser may be gone
	}
}
