package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// testDoc is the smallest v1model program around a list of primitives: it
// extracts headers in order, runs the primitives and deparses.
func testDoc(types, headers []any, deparse, extract []string, prims []any) m {
	ops := []any{}
	for _, h := range extract {
		ops = append(ops, m{"op": "extract", "parameters": []any{m{"type": "regular", "value": h}}})
	}
	std := []any{
		[]any{"ingress_port", 9, false}, []any{"egress_spec", 9, false}, []any{"egress_port", 9, false},
		[]any{"instance_type", 32, false}, []any{"packet_length", 32, false}, []any{"mcast_grp", 16, false},
		[]any{"egress_rid", 16, false}, []any{"checksum_error", 1, false}, []any{"parser_error", 32, false},
		[]any{"_padding", 4, false},
	}
	types = append(types, m{"name": "standard_metadata", "id": 100, "fields": std})
	headers = append(headers, m{"name": "standard_metadata", "id": 100, "header_type": "standard_metadata", "metadata": true})
	for i, h := range headers { // bmv2 wants ids from 0 without gaps
		h.(m)["id"] = i
	}
	return m{
		"__meta__":     m{"version": []int{2, 24}},
		"header_types": types, "headers": headers,
		"errors": []any{[]any{"NoError", 0}, []any{"PacketTooShort", 1}},
		"parsers": []any{m{"name": "parser", "id": 0, "init_state": "start", "parse_states": []any{
			m{"name": "start", "id": 0, "parser_ops": ops, "transition_key": []any{},
				"transitions": []any{m{"type": "default", "value": nil, "mask": nil, "next_state": nil}}},
		}}},
		"deparsers": []any{m{"name": "deparser", "id": 0, "order": deparse}},
		"actions":   []any{m{"name": "a", "id": 0, "runtime_data": []any{}, "primitives": prims}},
		"pipelines": []any{
			m{"name": "ingress", "id": 0, "init_table": "call", "tables": []any{}, "conditionals": []any{},
				"action_calls": []any{m{"name": "call", "id": 0, "action_id": 0, "next_node": nil}}},
			m{"name": "egress", "id": 1, "init_table": nil, "tables": []any{}, "conditionals": []any{}},
		},
	}
}

func isUnsupported(err error) bool { return errors.Is(err, ErrUnsupported) }

// compileFile compiles a program of testdata.
func compileFile(t testing.TB, name string) *Program {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type sent struct {
	port  uint32
	frame string
}

// run processes a frame and returns what left.
func run(d *Dataplane, port uint32, frame []byte) []sent {
	var out []sent
	d.Process(port, frame, func(p uint32, f []byte) { out = append(out, sent{p, string(f)}) })
	return out
}
