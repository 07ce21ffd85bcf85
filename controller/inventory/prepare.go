package inventory

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/store"
)

// step is a change that is checked and not yet stored.
type step struct {
	request *request
	result  Result
	before  *object
	after   *object // nil: it is deleted; its revisions are yet to come
	ops     []store.Op
	undo    func() // takes back what the checks of channels know of it
}

// prepare checks a change of what is there now. An unchanged object makes a step
// without ops.
func (inv *Inventory) prepare(r *request) (*step, error) {
	c := &r.change
	now := inv.owned.now.objects[c.Ref]
	if err := c.allowed(now); err != nil {
		var missing *NotFoundError
		if errors.As(err, &missing) {
			missing.Fix = config.DidYouMean(c.Name, inv.Names(c.Kind))
		}
		return nil, err
	}
	s := &step{request: r, before: now, undo: func() {}}
	if now != nil {
		s.result.Before = &now.Object
	}
	if c.Op == Delete {
		return s, inv.prepareDelete(s)
	}
	spec, err := c.wanted(now)
	if err != nil {
		return nil, err
	}
	return s, inv.preparePut(s, spec)
}

// wanted is the spec that a put or a patch asks for, not yet complete.
func (c *Change) wanted(now *object) (Spec, error) {
	body := c.Body
	var before Spec
	if now != nil {
		before = now.spec
	}
	if c.Op == Patch {
		var err error
		if body, err = patched(shown(before), body); err != nil {
			return nil, err
		}
	}
	spec, err := decode(c.Kind, body)
	if err != nil {
		return nil, err
	}
	if name := nameOf(spec); name != "" && name != c.Name {
		return nil, problem("name", fmt.Sprintf("%q is not the name in the path, %s", name, c.Name), "leave it out: objects are not renamed")
	}
	if err := secretOnce(spec); err != nil {
		return nil, err
	}
	return keepSecrets(named(spec, c.Name), before), nil
}

// secretOnce refuses a key with two secrets.
func secretOnce(spec Spec) error {
	s, ok := spec.(config.Site)
	if !ok {
		return nil
	}
	for i, k := range s.AuthKeys {
		if k.Secret != "" && k.SecretEnv != "" {
			return problem(fmt.Sprintf("auth_keys[%d]", i), "has both secret and secret_env", "give one of them")
		}
	}
	return nil
}

func (inv *Inventory) preparePut(s *step, spec Spec) (err error) {
	c := &s.request.change
	if c.Kind == Channel {
		spec, err = inv.checkChannel(s, spec.(config.Channel))
	} else {
		spec, err = inv.checkOther(s, spec)
	}
	if err != nil {
		return err
	}
	created := store.Revision(0)
	if s.before != nil {
		created = s.before.created
	}
	s.after = newStored(c.Ref, spec, c.Who, s.request.at, created, 0)
	s.result.Did, s.result.After = Created, &s.after.Object
	if s.before != nil {
		s.result.Did = Changed
		if s.before.Unused == "" && reflect.DeepEqual(s.before.spec, s.after.spec) {
			s.result.Did, s.result.After = Unchanged, s.result.Before
			return nil
		}
	}
	value, err := s.after.encode()
	if err != nil {
		return err
	}
	if len(value) > store.MaxValue {
		return problem("", fmt.Sprintf("has %d bytes with what it omits filled in", len(value)), fmt.Sprintf("at most %d fit", store.MaxValue))
	}
	s.ops = append(s.ops, store.Op{Key: c.key(), Value: value})
	return nil
}

// checkChannel completes a channel beside all others, and takes it in.
func (inv *Inventory) checkChannel(s *step, ch config.Channel) (Spec, error) {
	now := inv.owned.now
	var before *config.Channel
	used := s.before
	if used != nil && used.Unused != "" {
		used = nil
	}
	if used != nil {
		was := used.spec.(config.Channel)
		before = &was
	}
	if err := now.checks.Complete(&ch, before); err != nil {
		return nil, err
	}
	if before != nil {
		now.checks.Remove(before)
	}
	now.checks.Put(&ch)
	s.undo = func() {
		now.checks.Remove(&ch)
		if before != nil {
			now.checks.Put(before)
		}
	}
	return ch, nil
}

// checkOther completes a site or a switch in the whole.
func (inv *Inventory) checkOther(s *step, spec Spec) (Spec, error) {
	objects := inv.inUseBut(s.request.change.Ref)
	mine := &object{Object: Object{Ref: s.request.change.Ref}, spec: spec}
	objects = append(objects, mine)
	whole, err := complete(inv.owned.file, objects, inv.owned.chosen)
	if err != nil {
		return nil, inv.blame(err, objects, mine)
	}
	s.result.Config = whole
	if mine.Kind == Site {
		return whole.Sites[len(whole.Sites)-1], nil
	}
	return whole.Switches[len(whole.Switches)-1], nil
}

// inUseBut are the stored objects in use but one.
func (inv *Inventory) inUseBut(ref Ref) []*object {
	var list []*object
	for _, o := range inv.owned.now.objects {
		if o.Ref != ref && !o.fromFile() && o.Unused == "" {
			list = append(list, o)
		}
	}
	return list
}

// blame says what of the whole is wrong because of one object: paths are within
// it, or empty where it is what others ask of it.
func (inv *Inventory) blame(err error, objects []*object, mine *object) error {
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		return err
	}
	out := &config.Error{}
	for _, p := range wrong.Problems {
		o, field := objectOf(inv.owned.file, objects, p.Path)
		switch {
		case o == mine:
			p.Path = field
		case o != nil:
			p.What, p.Path = fmt.Sprintf("%s would be wrong, %s: %s", o.Ref, field, p.What), ""
		default:
			p.What, p.Path = fmt.Sprintf("%s would be wrong: %s", strings.TrimSuffix(fmt.Sprintf("%s:%d", p.File, p.Line), ":0"), p.What), ""
		}
		p.File, p.Line = "", 0
		out.Problems = append(out.Problems, p)
	}
	return out
}

func (inv *Inventory) prepareDelete(s *step) error {
	c := &s.request.change
	if users := inv.users(c.Ref); len(users) > 0 && s.before.Unused == "" {
		return inUse(c.Ref, users)
	}
	s.result.Did = Deleted
	s.ops = append(s.ops, store.Op{Key: c.key(), Delete: true})
	if ch, ok := s.before.spec.(config.Channel); ok && s.before.Unused == "" {
		checks := inv.owned.now.checks
		checks.Remove(&ch)
		s.undo = func() { checks.Put(&ch) }
	}
	return nil
}

// users are the objects in use that need one.
func (inv *Inventory) users(ref Ref) []string {
	var users []string
	if ref.Kind == Channel {
		return nil
	}
	for _, kind := range Kinds() {
		for _, name := range inv.Names(kind) {
			o := inv.owned.now.objects[Ref{kind, name}]
			if o == nil || o.Unused != "" {
				continue
			}
			switch s := o.spec.(type) {
			case config.Switch:
				if ref == (Ref{Site, s.Site}) {
					users = append(users, o.String())
				}
			case config.Channel:
				if ref == (Ref{Site, s.Site}) || ref == (Ref{Switch, s.Ingress.Switch}) {
					users = append(users, o.String())
				}
			}
		}
	}
	return users
}

// fits checks a stored channel beside those in use.
func (a *assembly) fits(o *object) error {
	ch := o.spec.(config.Channel)
	if err := a.checks.Complete(&ch, nil); err != nil {
		return err
	}
	if ch != o.spec.(config.Channel) {
		return fmt.Errorf("%s is not complete", o.Ref)
	}
	return nil
}

// put takes a stored channel in.
func (a *assembly) put(o *object) {
	ch := o.spec.(config.Channel)
	a.checks.Put(&ch)
	a.objects[o.Ref] = o
}

// remove takes a channel out.
func (a *assembly) remove(o *object) {
	ch := o.spec.(config.Channel)
	a.checks.Remove(&ch)
	delete(a.objects, o.Ref)
}
