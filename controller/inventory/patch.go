package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/corecast/corecast/controller/config"
)

// patched is a spec with a merge patch (RFC 7396) applied to its JSON.
func patched(spec Spec, patch []byte) ([]byte, error) {
	var changes any
	d := json.NewDecoder(bytes.NewReader(patch))
	d.UseNumber()
	if err := d.Decode(&changes); err != nil {
		return nil, problem("", "is not valid JSON: "+err.Error(), "send one JSON object with what is to change")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, problem("", "has more after its JSON", "send one JSON object with what is to change")
	}
	if _, ok := changes.(map[string]any); !ok {
		return nil, problem("", "is no object", "send one JSON object with what is to change")
	}
	whole, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	var target any
	d = json.NewDecoder(bytes.NewReader(whole))
	d.UseNumber()
	if err := d.Decode(&target); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return json.Marshal(merge(target, changes))
}

// merge is MergePatch of RFC 7396.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}

// problem is one mistake in a body.
func problem(path, what, fix string) error {
	return &config.Error{Problems: []config.Problem{{Path: path, What: what, Fix: fix}}}
}
