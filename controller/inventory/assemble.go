package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/corecast/corecast/controller/config"
)

// assembly is the whole that a file and what is stored make.
type assembly struct {
	file     *config.Config
	own      map[Ref]string // the objects of the file, and where they are
	whole    *config.Config // complete; its channels are those of when it was assembled
	checks   *config.Channels
	objects  map[Ref]*object
	shadowed []string       // stored objects whose names the file has taken
	unread   map[Ref]string // stored objects that are not among these, and why
}

// assemble makes the whole. What is stored and does not fit is out of use. The
// file alone must be complete.
func assemble(file *config.Config, stored map[Ref]*object, by map[string]chosen) (*assembly, error) {
	a := &assembly{file: file, own: map[Ref]string{}, objects: map[Ref]*object{}}
	eachOf(file, func(ref Ref, at string, _ Spec) { a.own[ref] = at })
	var keep []*object
	for ref, o := range stored {
		if at, taken := a.own[ref]; taken {
			a.shadowed = append(a.shadowed, fmt.Sprintf("%s was made over REST too; that one is out of use while the configuration file has it, at %s", ref, at))
			continue
		}
		keep = append(keep, o)
	}
	slices.Sort(a.shadowed)
	slices.SortFunc(keep, func(x, y *object) int {
		return cmp.Or(cmp.Compare(x.created, y.created), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	for {
		whole, err := complete(file, keep, by)
		var wrong *config.Error
		switch {
		case err == nil:
			a.whole, a.checks = whole, config.NewChannels(whole)
			a.index(keep)
			return a, nil
		case !errors.As(err, &wrong) || len(keep) == 0:
			return nil, err
		}
		keep = a.setAside(keep, wrong)
	}
}

// complete makes the whole of a file and objects, which stay as they are.
func complete(file *config.Config, objects []*object, by map[string]chosen) (*config.Config, error) {
	whole := file.With(parts(objects))
	whole.Allocate(allocations(by))
	return whole, whole.Complete()
}

// parts are the specs of objects, by kind, in their order.
func parts(objects []*object) (switches []config.Switch, sites []config.Site, channels []config.Channel) {
	for _, o := range objects {
		switch s := o.spec.(type) {
		case config.Switch:
			switches = append(switches, s)
		case config.Site:
			sites = append(sites, s)
		case config.Channel:
			channels = append(channels, s)
		}
	}
	return switches, sites, channels
}

// setAside takes out of use what is wrong: the objects that problems are of, or,
// if those are of the file alone, the site that came last.
func (a *assembly) setAside(keep []*object, wrong *config.Error) []*object {
	why := map[*object]string{}
	for _, p := range wrong.Problems {
		if o, field := objectOf(a.file, keep, p.Path); o != nil && why[o] == "" {
			p.Path = field
			why[o] = p.String()
		}
	}
	if len(why) == 0 {
		last := keep[len(keep)-1]
		for _, o := range keep {
			if o.Kind == Site {
				last = o
			}
		}
		why[last] = wrong.Problems[0].String()
	}
	return slices.DeleteFunc(slices.Clone(keep), func(o *object) bool {
		if reason, bad := why[o]; bad {
			a.objects[o.Ref] = o.unused(reason)
			return true
		}
		return false
	})
}

// objectOf is the stored object that a path is of, and the path within it; nil
// if it is none of these.
func objectOf(file *config.Config, objects []*object, path string) (*object, string) {
	list, index, field, ok := config.SplitPath(path)
	if !ok {
		return nil, path
	}
	index -= map[string]int{Switch.list(): len(file.Switches), Site.list(): len(file.Sites), Channel.list(): len(file.Channels)}[list]
	for _, o := range objects {
		if o.Kind.list() != list {
			continue
		}
		if index == 0 {
			return o, field
		}
		index--
	}
	return nil, path
}

// index notes all objects that are in use.
func (a *assembly) index(stored []*object) {
	eachOf(a.whole, func(ref Ref, at string, spec Spec) {
		if _, own := a.own[ref]; own {
			a.objects[ref] = newOfFile(ref, spec, at)
		}
	})
	for _, o := range stored {
		a.objects[o.Ref] = o
	}
}

// eachOf calls f with every object of a configuration, and where its file has
// it.
func eachOf(c *config.Config, f func(ref Ref, at string, spec Spec)) {
	at := func(kind Kind, i int) string { return c.Origin(fmt.Sprintf("%s[%d]", kind.list(), i)) }
	for i, s := range c.Switches {
		f(Ref{Switch, s.Name}, at(Switch, i), s)
	}
	for i, s := range c.Sites {
		f(Ref{Site, s.Name}, at(Site, i), s)
	}
	for i, s := range c.Channels {
		f(Ref{Channel, s.Name}, at(Channel, i), s)
	}
}
