package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/store"
)

// Kind is a sort of object.
type Kind string

// The kinds.
const (
	Switch  Kind = "switch"
	Site    Kind = "site"
	Channel Kind = "channel"
)

// Kinds are all of them, those before that others need.
func Kinds() []Kind { return []Kind{Site, Switch, Channel} }

// list is the name of the configuration's list of a kind.
func (k Kind) list() string {
	if k == Switch {
		return "switches"
	}
	return string(k) + "s"
}

// Ref names an object.
type Ref struct {
	Kind Kind
	Name string
}

func (r Ref) String() string { return string(r.Kind) + " " + r.Name }

// Spec is what is desired of an object: a config.Switch, config.Site or
// config.Channel.
type Spec any

// Object is an object as it may be shown.
type Object struct {
	Ref
	Spec    Spec      // without secrets; not to be changed
	Version string    // changes with every change of Spec
	File    string    // file:line of an object of the file
	Unused  string    // why it is not in use
	By      string    // who made it what it is; of stored objects
	Changed time.Time // when they did
}

// object is an object as it is kept. It is never changed, but replaced.
type object struct {
	Object
	spec     Spec           // with secrets, except those of the environment
	created  store.Revision // 0: of the file
	modified store.Revision
}

func (o *object) fromFile() bool { return o.created == 0 }

// newStored makes a stored object; spec is complete.
func newStored(ref Ref, spec Spec, by string, changed time.Time, created, modified store.Revision) *object {
	spec = withoutEnvironment(spec)
	return &object{
		Object: Object{Ref: ref, Spec: shown(spec), Version: strconv.FormatUint(uint64(modified), 10), By: by, Changed: changed},
		spec:   spec, created: created, modified: modified,
	}
}

// newOfFile makes an object of the file at a line.
func newOfFile(ref Ref, spec Spec, at string) *object {
	o := &object{Object: Object{Ref: ref, Spec: shown(spec), File: at}, spec: withoutEnvironment(spec)}
	data, _ := json.Marshal(o.spec) // plain values; with secrets, so that these count
	sum := sha256.Sum256(data)
	o.Version = "f" + hex.EncodeToString(sum[:6])
	return o
}

// unused is the object out of use.
func (o *object) unused(why string) *object {
	out := *o
	out.Unused = why
	return &out
}

// shown is a spec without secrets.
func shown(spec Spec) Spec {
	if s, ok := spec.(config.Site); ok {
		return s.WithoutSecrets()
	}
	return spec
}

// withoutEnvironment is a spec without the secrets that the environment gives.
func withoutEnvironment(spec Spec) Spec {
	s, ok := spec.(config.Site)
	if !ok {
		return spec
	}
	s.AuthKeys = slices.Clone(s.AuthKeys)
	for i := range s.AuthKeys {
		if k := &s.AuthKeys[i]; k.SecretEnv != "" {
			k.Secret = ""
		}
	}
	return s
}

// keepSecrets gives keys that come without a secret those that the keys of
// their ids have.
func keepSecrets(spec, before Spec) Spec {
	s, ok := spec.(config.Site)
	if !ok || before == nil {
		return spec
	}
	s.AuthKeys = slices.Clone(s.AuthKeys)
	for i := range s.AuthKeys {
		k := &s.AuthKeys[i]
		if k.Secret != "" || k.SecretEnv != "" {
			continue
		}
		for _, old := range before.(config.Site).AuthKeys {
			if old.ID == k.ID {
				k.Secret = old.Secret
			}
		}
	}
	return s
}

// decode decodes the body of a write.
func decode(kind Kind, body []byte) (Spec, error) {
	switch kind {
	case Switch:
		return decodeAs[config.Switch](body)
	case Site:
		return decodeAs[config.Site](body)
	case Channel:
		return decodeAs[config.Channel](body)
	}
	return nil, fmt.Errorf("no kind %q", kind)
}

func decodeAs[T config.Object](body []byte) (Spec, error) {
	object, err := config.DecodeObject[T](body)
	return object, err
}

// decodeStored decodes what encode wrote.
func decodeStored(kind Kind, data []byte) (spec Spec, err error) {
	switch kind {
	case Switch:
		return unmarshal[config.Switch](data)
	case Site:
		return unmarshal[config.Site](data)
	}
	return unmarshal[config.Channel](data)
}

func unmarshal[T config.Object](data []byte) (Spec, error) {
	var object T
	err := json.Unmarshal(data, &object)
	return object, err
}

// nameOf is the name in a spec.
func nameOf(spec Spec) string {
	switch s := spec.(type) {
	case config.Switch:
		return s.Name
	case config.Site:
		return s.Name
	case config.Channel:
		return s.Name
	}
	return ""
}

// named is a spec with a name.
func named(spec Spec, name string) Spec {
	switch s := spec.(type) {
	case config.Switch:
		s.Name = name
		return s
	case config.Site:
		s.Name = name
		return s
	case config.Channel:
		s.Name = name
		return s
	}
	return spec
}
