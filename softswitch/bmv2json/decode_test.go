package bmv2json

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDecodeProgramsOfP4c(t *testing.T) {
	names, err := filepath.Glob("../engine/testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no programs found: %v", err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", n, err)
			continue
		}
		if len(p.Headers) == 0 || len(p.Parsers) != 1 || len(p.Pipelines) != 2 || len(p.Actions) == 0 {
			t.Errorf("%s: %d headers, %d parsers, %d pipelines, %d actions", n, len(p.Headers), len(p.Parsers), len(p.Pipelines), len(p.Actions))
		}
		if s := p.Pipelines[0].Conditionals[0].Source; s == nil || s.Line == 0 || !strings.Contains(s.File, ".p4") {
			t.Errorf("%s: source position %v", n, s)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		in   string
		kind Kind
		ok   func(*Value) bool
	}{
		{`{"type":"field","value":["h","f"]}`, KindField, func(v *Value) bool { return v.Name == "h" && v.Member == "f" }},
		{`{"type":"hexstr","value":"0x1f"}`, KindHex, func(v *Value) bool { return v.Int.Int64() == 31 }},
		{`{"type":"hexstr","value":"-0x2"}`, KindHex, func(v *Value) bool { return v.Int.Int64() == -2 }},
		{`{"type":"lookahead","value":[8,16]}`, KindLookahead, func(v *Value) bool { return v.Offset == 8 && v.Bits == 16 }},
		{`{"type":"runtime_data","value":3}`, KindLocal, func(v *Value) bool { return v.Index == 3 }},
		{`{"type":"expression","value":{"type":"expression","value":{"op":"not","left":null,"right":{"type":"bool","value":true}}}}`,
			KindOp, func(v *Value) bool { return v.Op == "not" && v.Left == nil && v.Right.Bool }},
		{`{"op":"access_field","left":{"type":"header","value":"h"},"right":2}`, KindOp, func(v *Value) bool { return v.Index == 2 && v.Left.Name == "h" }},
		{`{"type":"header_union","value":"u"}`, KindUnsupported, func(v *Value) bool { return v.Type == "header_union" }},
	} {
		var v Value
		if err := v.UnmarshalJSON([]byte(c.in)); err != nil || v.Kind != c.kind || !c.ok(&v) {
			t.Errorf("%s: %+v, %v", c.in, v, err)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	if _, err := Decode([]byte(`{"__meta__":{"version":[3,0]}}`)); !errors.Is(err, ErrVersion) {
		t.Errorf("version 3: %v", err)
	}
	for _, in := range []string{
		``, `[]`, `{"header_types":[{"name":"t","fields":[["f"]]}]}`, `{"header_types":[{"name":"t","fields":[["f",0]]}]}`,
		`{"calculations":[{"name":"c","input":[{"type":"hexstr","value":"0xzz"}]}]}`,
		`{"calculations":[{"name":"c","input":[{"value":"0xzz"}]}]}`,
		`{"calculations":[{"name":"c","input":[` + strings.Repeat(`{"type":"expression","value":`, 3000) + `1` + strings.Repeat(`}`, 3000) + `]}]}`,
	} {
		if _, err := Decode([]byte(in)); err == nil {
			t.Errorf("%.60s: no error", in)
		}
	}
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("../engine/testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no programs found: %v", err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Decode(b); err == nil && p == nil {
			t.Fatal("no program and no error")
		}
	})
}
