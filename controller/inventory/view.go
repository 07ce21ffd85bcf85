package inventory

import (
	"maps"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/config"
)

// view is what is read.
type view struct {
	assembly *assembly
	objects  map[Ref]*object
	names    map[Kind][]string // sorted
	unused   map[Kind][]string // those out of use, sorted
	whole    *config.Config    // what config made of it; nil: it has changed since
}

// showAll makes an assembly what is read and applied.
func (inv *Inventory) showAll(a *assembly) {
	a.unread = maps.Clone(inv.owned.unread)
	v := view{assembly: a, objects: maps.Clone(a.objects), names: map[Kind][]string{}, unused: map[Kind][]string{}}
	for ref, o := range a.objects {
		v.names[ref.Kind] = append(v.names[ref.Kind], ref.Name)
		if o.Unused != "" {
			v.unused[ref.Kind] = append(v.unused[ref.Kind], ref.Name)
		}
	}
	for _, kind := range Kinds() {
		slices.Sort(v.names[kind])
		slices.Sort(v.unused[kind])
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.view = v
	inv.applyLocked(true)
}

// show makes channels what is read and applied: those of set, which are in use, and
// of the others named by refs that they are gone.
func (inv *Inventory) show(refs []Ref, set []*object) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	v := &inv.view
	v.whole = nil
	for _, ref := range refs {
		delete(v.objects, ref)
	}
	for _, o := range set {
		v.objects[o.Ref] = o
	}
	for _, ref := range refs {
		names := v.names[ref.Kind]
		i, had := slices.BinarySearch(names, ref.Name)
		switch has := v.objects[ref] != nil; {
		case has && !had:
			v.names[ref.Kind] = slices.Insert(names, i, ref.Name)
		case had && !has:
			v.names[ref.Kind] = slices.Delete(names, i, i+1)
		}
	}
	inv.applyLocked(false, refs...)
}

// Get returns an object.
func (inv *Inventory) Get(ref Ref) (Object, bool) {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	o := inv.view.objects[ref]
	if o == nil {
		return Object{}, false
	}
	return o.Object, true
}

// Names returns the names of all objects of a kind, sorted.
func (inv *Inventory) Names(kind Kind) []string {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Clone(inv.view.names[kind])
}

// List returns the objects of a kind that keep takes (nil: all) and whose names
// come after a name, in the order of their names: at most limit. more says that
// others follow.
func (inv *Inventory) List(kind Kind, after string, limit int, keep func(*Object) bool) (objects []Object, more bool) {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.view.list(kind, inv.view.names[kind], after, limit, keep)
}

// Unused returns the objects of a kind that are out of use, in the order of their
// names: at most limit.
func (inv *Inventory) Unused(kind Kind, limit int) []Object {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	objects, _ := inv.view.list(kind, inv.view.unused[kind], "", limit, nil)
	return objects
}

// Unread returns what the store has and cannot be understood, and why.
func (inv *Inventory) Unread() []Object {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	var list []Object
	for ref, why := range inv.view.assembly.unread {
		list = append(list, Object{Ref: ref, Unused: why})
	}
	slices.SortFunc(list, func(x, y Object) int { return strings.Compare(x.String(), y.String()) })
	return list
}

// list is List of those objects that have names.
func (v *view) list(kind Kind, names []string, after string, limit int, keep func(*Object) bool) (objects []Object, more bool) {
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	for _, name := range names[i:] {
		o := v.objects[Ref{kind, name}]
		if keep != nil && !keep(&o.Object) {
			continue
		}
		if len(objects) == limit {
			return objects, true
		}
		objects = append(objects, o.Object)
	}
	return objects, false
}

// Warnings are what the configuration allows but will not do all that it asks
// for, and the objects that are out of use.
func (inv *Inventory) Warnings() []string {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Concat(inv.view.assembly.whole.Warnings, inv.view.assembly.shadowed)
}

// Config is the whole of what is in use, complete.
func (inv *Inventory) Config() *config.Config {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.view.config()
}

// config is the whole with the channels of the moment: those of the file, then
// the others by name.
func (v *view) config() *config.Config {
	if v.whole != nil {
		return v.whole
	}
	a := v.assembly
	own := len(a.file.Channels)
	channels := make([]config.Channel, own, len(v.names[Channel]))
	copy(channels, a.whole.Channels[:own])
	for _, name := range v.names[Channel] {
		if o := v.objects[Ref{Channel, name}]; o.Unused == "" && !o.fromFile() {
			channels = append(channels, o.spec.(config.Channel))
		}
	}
	v.whole = a.whole.WithChannels(channels)
	return v.whole
}

// channels are those of names that are in use, and the names of the others.
func (v *view) channels(names map[string]bool) (set []config.Channel, others []string) {
	for name := range names {
		if o := v.objects[Ref{Channel, name}]; o != nil && o.Unused == "" {
			set = append(set, o.spec.(config.Channel))
		} else {
			others = append(others, name)
		}
	}
	return set, others
}
