package ui

import (
	"net/http"

	"github.com/corecast/corecast/controller/inventory"
)

// origin says where an object comes from, and so how it can be changed.
type origin struct {
	*editable
	Object  string
	Edit    bool   // by whoever asks, here
	OfFile  bool   // it belongs to the configuration file
	File    string // and line, if that is known
	Unused  string // why it is not in use
	NoStore bool   // nothing can be changed here
}

func (u *UI) originOf(r *http.Request, k *editable, o *inventory.Object, name string) origin {
	out := origin{editable: k, Object: name, OfFile: o.Changed.IsZero(), File: o.File, Unused: o.Unused, NoStore: !u.opts.Source.Durable()}
	out.Edit = !out.OfFile && u.mayEdit(r)
	return out
}

// maker says whether whoever asks can make objects of a kind.
type maker struct {
	*editable
	New     bool
	NoStore bool // nobody can
}

func (u *UI) makerOf(r *http.Request, k *editable) maker {
	return maker{editable: k, New: u.mayEdit(r), NoStore: !u.opts.Source.Durable()}
}

// kindOf is a kind of the forms.
func (u *UI) kindOf(kind inventory.Kind) *editable {
	for _, k := range u.kinds {
		if k.Kind == kind {
			return k
		}
	}
	return nil
}
