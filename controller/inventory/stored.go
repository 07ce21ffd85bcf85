package inventory

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/store"
)

const (
	prefix = "config/"
	// generationKey is put by every transaction of any controller that changes
	// the desired state, and a condition of each.
	generationKey = prefix + "generation"
	// probeKey is put to see whether the store takes anything.
	probeKey = prefix + "probe"
	// reservedPrefix is before the names of channels of the file that omit a
	// reserved EID: what was chosen for them.
	reservedPrefix = prefix + "reserved/"
)

func (r Ref) key() string { return prefix + r.Kind.list() + "/" + r.Name }

// refOf is the object of a key.
func refOf(key string) (Ref, bool) {
	for _, kind := range Kinds() {
		if name, ok := strings.CutPrefix(key, prefix+kind.list()+"/"); ok {
			return Ref{kind, name}, true
		}
	}
	return Ref{}, false
}

// stored is what the store holds of an object.
type stored struct {
	Spec json.RawMessage `json:"spec"` // with its secrets
	By   string          `json:"by"`
	At   time.Time       `json:"at"`
}

func (o *object) encode() ([]byte, error) {
	spec, err := json.Marshal(o.spec)
	if err != nil {
		return nil, err
	}
	return json.Marshal(stored{spec, o.By, o.Changed})
}

func decodeEntry(ref Ref, e store.Entry) (*object, error) {
	var s stored
	if err := json.Unmarshal(e.Value, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Key, err)
	}
	spec, err := decodeStored(ref.Kind, s.Spec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Key, err)
	}
	return newStored(ref, named(spec, ref.Name), s.By, s.At, e.Created, e.Modified), nil
}

// chosen are the reserved EIDs of one channel of the file.
type chosen struct {
	First  netip.Addr `json:"reserved_eid,omitzero"`
	Second netip.Addr `json:"reserved_eid6,omitzero"`
}

// byChannel sorts allocations.
func byChannel(all map[config.Allocation]netip.Addr) map[string]chosen {
	out := map[string]chosen{}
	for a, eid := range all {
		c := out[a.Channel]
		if a.Second {
			c.Second = eid
		} else {
			c.First = eid
		}
		out[a.Channel] = c
	}
	return out
}

func allocations(by map[string]chosen) map[config.Allocation]netip.Addr {
	out := map[config.Allocation]netip.Addr{}
	for name, c := range by {
		out[config.Allocation{Channel: name}] = c.First
		out[config.Allocation{Channel: name, Second: true}] = c.Second
	}
	return out
}
