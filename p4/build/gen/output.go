package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/corecast/corecast/p4/build/sources"
)

// takeOver commits a compilation: the JSON without source positions (half of
// p4c's size, and the same from any directory) and a key a line for diffs, the
// P4Info as it is, and the hash of the sources.
func takeOver(jsonPath, p4infoPath string) error {
	raw, err := os.ReadFile(jsonPath)
	if err != nil {
		return err
	}
	var program any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&program); err != nil {
		return fmt.Errorf("%s is not JSON: %w", jsonPath, err)
	}
	if top, ok := program.(map[string]any); ok {
		top["program"] = "corecast.v1model"
	}
	stripPositions(program)
	indented, err := json.MarshalIndent(program, "", " ")
	if err != nil {
		return err
	}
	info, err := os.ReadFile(p4infoPath)
	if err != nil {
		return err
	}
	sum, err := sources.Sum("..")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{jsonFile, append(indented, '\n')}, {p4infoFile, info}, {sumFile, []byte(sum + "\n")}} {
		if err := os.WriteFile(f.name, f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func stripPositions(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "source_info")
		for _, e := range v {
			stripPositions(e)
		}
	case []any:
		for _, e := range v {
			stripPositions(e)
		}
	}
}
