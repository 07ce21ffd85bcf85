package ui

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/northbound/auth"
)

// mayEdit reports whether whoever asks may change anything.
func (u *UI) mayEdit(r *http.Request) bool {
	return auth.PrincipalFrom(r.Context()).Role >= auth.Operator
}

// registerForms adds what changes channels.
func (u *UI) registerForms(mux *http.ServeMux) {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /new/channel": u.createForm, "POST /new/channel": u.create,
		"GET /edit/channel/{name}": u.editForm, "POST /edit/channel/{name}": u.edit,
		"GET /delete/channel/{name}": u.deleteForm, "POST /delete/channel/{name}": u.delete,
		"POST /check/channel": u.check,
	} {
		mux.Handle(pattern, u.secure(h))
	}
}

// formPage is where the errors of forms belong.
var formPage = page{section: "channels"}

func (u *UI) showForm(w http.ResponseWriter, status int, f *channelForm) {
	title := "New channel"
	if !f.New {
		title = "Change " + f.Name
	}
	if f.Wrong() > 0 {
		title = "Not done: " + title
	}
	u.write(w, status, layout{view: view{Title: title, Data: f}, Page: "form", Section: "channels"})
}

func (u *UI) createForm(w http.ResponseWriter, r *http.Request) {
	if !u.mayEdit(r) {
		u.fail(w, formPage, errReadOnly)
		return
	}
	u.showForm(w, http.StatusOK, u.newForm("", url.Values{"lists": {"true"}}))
}

// create makes a channel that must not exist.
func (u *UI) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	f := u.newForm("", r.PostForm)
	name := f.Value("name")
	if name == "" {
		f.Errors["name"] = "A channel needs a name: give one, such as news."
		u.showForm(w, http.StatusUnprocessableEntity, f)
		return
	}
	u.change(w, r, f, inventory.Change{Ref: channelRef(name), Op: inventory.Put, IfNoneMatch: []string{"*"}})
}

func (u *UI) editForm(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	o, ok := u.opts.Source.Object(channelRef(name))
	spec, isChannel := o.Spec.(config.Channel)
	switch {
	case !u.mayEdit(r):
		u.fail(w, formPage, errReadOnly)
	case !ok || !isChannel:
		u.fail(w, formPage, u.noChannel(name))
	default:
		f := u.newForm(name, valuesOf(&spec))
		f.Version = o.Version
		u.showForm(w, http.StatusOK, f)
	}
}

// edit changes a channel, if it is still what the form showed.
func (u *UI) edit(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	f := u.newForm(r.PathValue("name"), r.PostForm)
	f.Version = f.Value("version")
	u.change(w, r, f, inventory.Change{Ref: channelRef(f.Name), Op: inventory.Put, IfMatch: []string{f.Version}})
}

// change does what a form asks for, and leads to the channel, or back to the
// form.
func (u *UI) change(w http.ResponseWriter, r *http.Request, f *channelForm, c inventory.Change) {
	var err error
	if !u.mayEdit(r) {
		err = errReadOnly
	} else if c.Body, err = body(f.Values); err == nil {
		c.Who = auth.PrincipalFrom(r.Context()).ID()
		_, err = u.opts.Source.Do(r.Context(), c)
	}
	if err != nil {
		u.showForm(w, f.refuse(err), f)
		return
	}
	http.Redirect(w, r, "/channels/"+url.PathEscape(c.Name), http.StatusSeeOther)
}

// deletion asks whether a channel is to be deleted.
type deletion struct {
	Name    string
	Version string
	Err     error
}

func (u *UI) deleteForm(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	o, ok := u.opts.Source.Object(channelRef(name))
	switch {
	case !u.mayEdit(r):
		u.fail(w, formPage, errReadOnly)
	case !ok:
		u.fail(w, formPage, u.noChannel(name))
	default:
		u.write(w, http.StatusOK, layout{view: view{Title: "Delete " + name, Data: deletion{name, o.Version, nil}}, Page: "delete", Section: "channels"})
	}
}

func (u *UI) delete(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !u.mayEdit(r) {
		u.fail(w, formPage, errReadOnly)
		return
	}
	version := r.PostFormValue("version")
	_, err := u.opts.Source.Do(r.Context(), inventory.Change{
		Ref: channelRef(name), Op: inventory.Delete, IfMatch: []string{version}, Who: auth.PrincipalFrom(r.Context()).ID(),
	})
	if err != nil {
		u.write(w, http.StatusConflict, layout{view: view{Title: "Not deleted: " + name, Data: deletion{name, version, err}}, Page: "delete", Section: "channels"})
		return
	}
	http.Redirect(w, r, "/channels", http.StatusSeeOther)
}

// effect is what a form would do.
type effect struct {
	Wrong    int
	Did      string
	Switches []switchEffect
	Warnings []string
}

// switchEffect is what would be written to a switch.
type switchEffect struct {
	Switch                     string
	Inserts, Modifies, Deletes int
	Problems                   []string
}

// check answers with what the form would do, for the page to show beneath it.
func (u *UI) check(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !u.mayEdit(r) {
		http.Error(w, "this cannot be checked", http.StatusBadRequest)
		return
	}
	f := u.newForm(r.PostFormValue("of"), r.PostForm)
	e, err := u.effect(r, f)
	if err != nil {
		f.refuse(err)
		e.Wrong = f.Wrong()
	}
	text, err := u.body("effect", view{Data: e})
	if err != nil {
		u.log.Error("page", "page", "effect", "error", err)
		http.Error(w, "this cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(text)) // the browser may be gone
}

// effect previews what a form would do.
func (u *UI) effect(r *http.Request, f *channelForm) (e effect, err error) {
	c := inventory.Change{Ref: channelRef(cmp.Or(f.Name, f.Value("name"), "-")), Op: inventory.Put}
	if f.New {
		c.IfNoneMatch = []string{"*"}
	}
	if c.Body, err = body(f.Values); err != nil {
		return e, err
	}
	result, err := u.opts.Source.Preview(r.Context(), c)
	if err != nil {
		return e, err
	}
	e.Did, e.Warnings = result.Did, result.Warnings
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

func channelRef(name string) inventory.Ref {
	return inventory.Ref{Kind: inventory.Channel, Name: name}
}
