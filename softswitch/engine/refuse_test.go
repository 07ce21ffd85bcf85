package engine

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
)

// TestUnsupportedIsRefusedByName: an error says what, and on which line.
func TestUnsupportedIsRefusedByName(t *testing.T) {
	src := m{"filename": "prog.p4", "line": 42, "source_fragment": "x = y"}
	base := func() m {
		return testDoc(
			[]any{m{"name": "T", "id": 0, "fields": []any{[]any{"f", 8, false}}}},
			[]any{m{"name": "h", "id": 10, "header_type": "T", "metadata": false}},
			[]string{"h"}, []string{"h"}, nil)
	}
	withPrim := func(p m) func(m) {
		return func(d m) {
			p["source_info"] = src
			d["actions"].([]any)[0].(m)["primitives"] = []any{p}
		}
	}
	one := hex(big.NewInt(1))
	cases := []struct {
		name string
		edit func(m)
		want []string
	}{
		{"primitive", withPrim(prim("log_msg", m{"type": "string", "value": "hi"}, m{"type": "parameters_vector", "value": []any{}})), []string{"prog.p4:42", "log_msg"}},
		{"operator", withPrim(prim("assign", field("h", "f"), op("rotate", one, one))), []string{"prog.p4:42", "rotate"}},
		{"extern", func(d m) { d["extern_instances"] = []any{m{"name": "ext", "source_info": src}} }, []string{"prog.p4:42", "ext"}},
		{"value set", func(d m) { d["parse_vsets"] = []any{m{"name": "vs", "source_info": src}} }, []string{"vs"}},
		{"header union", func(d m) { d["header_unions"] = []any{m{"name": "u"}} }, []string{"header union u"}},
		{"varbit", func(d m) {
			d["header_types"].([]any)[0].(m)["fields"] = []any{[]any{"f", 8, false}, []any{"opt", "*"}}
		}, []string{"varbit", "opt"}},
		{"hash algorithm", func(d m) {
			d["calculations"] = []any{m{"name": "c", "algo": "toeplitz", "input": []any{}, "source_info": src}}
		}, []string{"prog.p4:42", "toeplitz"}},
		{"action profile", func(d m) {
			d["pipelines"].([]any)[0].(m)["action_profiles"] = []any{m{"name": "prof", "source_info": src}}
		}, []string{"prog.p4:42", "prof"}},
	}
	for _, c := range cases {
		doc := base()
		c.edit(doc)
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(b)
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", c.name, err, w)
			}
		}
	}
}

func TestBrokenProgramsAreRefused(t *testing.T) {
	for name, edit := range map[string]func(m){
		"unknown header": func(d m) { d["deparsers"].([]any)[0].(m)["order"] = []string{"nope"} },
		"unknown state": func(d m) {
			d["parsers"].([]any)[0].(m)["init_state"] = "nope"
		},
		"unknown node":   func(d m) { d["pipelines"].([]any)[0].(m)["init_table"] = "nope" },
		"no ingress":     func(d m) { d["pipelines"] = d["pipelines"].([]any)[1:] },
		"loop of tables": func(d m) { d["pipelines"].([]any)[0].(m)["action_calls"].([]any)[0].(m)["next_node"] = "call" },
		"other version":  func(d m) { d["__meta__"] = m{"version": []int{3, 0}} },
		"half a byte": func(d m) {
			d["header_types"].([]any)[0].(m)["fields"] = []any{[]any{"f", 4, false}}
		},
		"huge register": func(d m) {
			d["register_arrays"] = []any{m{"name": "r", "id": 0, "size": 1 << 40, "bitwidth": 2048}}
		},
	} {
		doc := testDoc(
			[]any{m{"name": "T", "id": 0, "fields": []any{[]any{"f", 8, false}}}},
			[]any{m{"name": "h", "id": 10, "header_type": "T", "metadata": false}},
			[]string{"h"}, []string{"h"}, nil)
		edit(doc)
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Compile(b); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
}
