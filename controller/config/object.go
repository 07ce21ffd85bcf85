package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Object is a thing that a configuration is made of.
type Object interface{ Switch | Site | Channel }

// DecodeObject decodes one object from JSON, as strictly as a file. The paths
// of an *Error's problems are those within the object.
func DecodeObject[T Object](data []byte) (object T, err error) {
	d := &decoder{problems: problems{origin: origin{lines: map[string]int{}}}}
	n, err := fromJSON(data)
	if err != nil {
		d.add("", "is not valid JSON: "+jsonCause(err), "send one JSON object")
		return object, d.err()
	}
	d.value(&n, reflect.ValueOf(&object).Elem(), "", 0)
	return object, d.err()
}

func jsonCause(err error) string {
	var se *json.SyntaxError
	if errors.As(err, &se) {
		return fmt.Sprintf("%v (at byte %d)", err, se.Offset)
	}
	return err.Error()
}

// With is a configuration with more objects, after its own. It must be
// completed.
func (c *Config) With(switches []Switch, sites []Site, channels []Channel) *Config {
	out := *c
	out.origin.own = map[string]int{"switches": len(c.Switches), "sites": len(c.Sites), "channels": len(c.Channels)}
	out.Switches = slices.Concat(c.Switches, switches)
	out.Sites = slices.Concat(c.Sites, sites)
	out.Channels = slices.Concat(c.Channels, channels)
	out.allocated = maps.Clone(c.allocated)
	// Complete writes into these.
	for i := range out.Switches {
		out.Switches[i].Ports = slices.Clone(out.Switches[i].Ports)
	}
	for i := range out.Sites {
		out.Sites[i].AuthKeys = slices.Clone(out.Sites[i].AuthKeys)
		out.Sites[i].Streams = slices.Clone(out.Sites[i].Streams)
	}
	return &out
}

// WithChannels is a complete configuration with other channels, which are
// complete and were checked one by one (see Channels).
func (c *Config) WithChannels(channels []Channel) *Config {
	out := *c
	out.Channels = channels
	return &out
}

// SplitPath splits the path of a problem into the list and index of its object,
// and the path within the object; ok is false if it is that of no object.
func SplitPath(path string) (list string, index int, rest string, ok bool) {
	list, after, ok := strings.Cut(path, "[")
	if !ok || list != "switches" && list != "sites" && list != "channels" {
		return "", 0, path, false
	}
	number, rest, ok := strings.Cut(after, "]")
	index, err := strconv.Atoi(number)
	return list, index, strings.TrimPrefix(rest, "."), ok && err == nil
}

// objectAt is the kind and name of the object that a path is of; "" for a path
// of none.
func (c *Config) objectAt(path string) string {
	list, i, _, ok := SplitPath(path)
	switch {
	case !ok:
	case list == "switches" && i < len(c.Switches):
		return "switch " + c.Switches[i].Name
	case list == "sites" && i < len(c.Sites):
		return "site " + c.Sites[i].Name
	case list == "channels" && i < len(c.Channels):
		return "channel " + c.Channels[i].Name
	}
	return ""
}
