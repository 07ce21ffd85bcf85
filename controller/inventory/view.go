package inventory

import (
	"slices"

	"github.com/corecast/corecast/controller/config"
)

// view is what is read.
type view struct {
	assembly *assembly
	objects  map[Ref]*object
	names    map[Kind][]string // sorted
}

// showAll makes an assembly what is read and applied.
func (inv *Inventory) showAll(a *assembly) {
	v := view{assembly: a, objects: map[Ref]*object{}, names: map[Kind][]string{}}
	for ref, o := range a.objects {
		v.objects[ref] = o
		v.names[ref.Kind] = append(v.names[ref.Kind], ref.Name)
	}
	for _, names := range v.names {
		slices.Sort(names)
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.view = v
	inv.applyLocked()
}

// show makes objects what is read and applied: those of set, and of the others
// named by refs that they are gone.
func (inv *Inventory) show(refs []Ref, set []*object) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	v := &inv.view
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
	inv.applyLocked()
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
	names := inv.view.names[kind]
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	for _, name := range names[i:] {
		o := inv.view.objects[Ref{kind, name}]
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
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.view.config()
}

// config is the whole with the channels of the moment: those of the file, then
// the others by name.
func (v *view) config() *config.Config {
	a := v.assembly
	own := len(a.file.Channels)
	channels := make([]config.Channel, own, len(v.names[Channel]))
	copy(channels, a.whole.Channels[:own])
	for _, name := range v.names[Channel] {
		if o := v.objects[Ref{Channel, name}]; o.Unused == "" && !o.fromFile() {
			channels = append(channels, o.spec.(config.Channel))
		}
	}
	return a.whole.WithChannels(channels)
}
