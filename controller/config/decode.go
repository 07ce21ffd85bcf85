package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills structs from a YAML tree. It walks the tree itself, rather
// than let the YAML package fill the structs, to report every mistake of a
// file at once and to keep the line of every value for the checks after it.
type decoder struct {
	problems
}

// maxDepth is deeper than any object of the schema.
const maxDepth = 16

func (d *decoder) file(tree *ast.File, cfg *Config) {
	docs := tree.Docs
	for len(docs) > 0 && docs[len(docs)-1].Body == nil {
		docs = docs[:len(docs)-1]
	}
	switch {
	case len(docs) == 0:
		d.add("", "is empty", "give at least switches, sites and channels")
	case len(docs) > 1:
		d.origin.lines["document"] = docs[1].Body.GetToken().Position.Line
		d.add("document", "is the second YAML document of the file", "keep one document (no ---)")
	default:
		d.value(docs[0].Body, reflect.ValueOf(cfg).Elem(), "", 0)
	}
}

// value decodes one node into v.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, depth int) {
	if _, known := d.origin.lines[path]; !known && path != "" {
		d.origin.lines[path] = line(n)
	}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.add(path, "uses a YAML anchor, alias or tag ("+n.GetToken().Value+")", "write the value out")
		return
	}
	if depth > maxDepth {
		d.add(path, "is nested too deep", "see examples/fig2.yaml")
		return
	}
	if v.CanAddr() {
		if tu, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			d.text(n, tu, path)
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, v, path, depth)
	case reflect.Slice:
		d.sequence(n, v, path, depth)
	case reflect.String:
		d.string(n, v, path)
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
		} else {
			d.wrongType(n, path, "true or false")
		}
	default:
		d.number(n, v, path)
	}
}

// object decodes a mapping; every key must be one of the struct's.
func (d *decoder) object(n ast.Node, v reflect.Value, path string, depth int) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		d.wrongType(n, path, "an object: { "+strings.Join(keys(v.Type()), ": …, ")+": … }")
		return
	}
	if o, ok := v.Addr().Interface().(interface{ setDefaults() }); ok {
		o.setDefaults()
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		child := join(path, key)
		field, ok := fieldOf(v, key)
		if !ok {
			d.list = append(d.list, Problem{File: d.origin.file, Line: line(pair.Key), Path: child,
				What: "unknown key " + strconv.Quote(key), Fix: DidYouMean(key, keys(v.Type()))})
			continue
		}
		d.origin.lines[child] = line(pair.Key)
		if seen[key] {
			d.add(child, "is given twice", "keep one")
			continue
		}
		seen[key] = true
		d.value(pair.Value, field, child, depth+1)
	}
}

func (d *decoder) sequence(n ast.Node, v reflect.Value, path string, depth int) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.wrongType(n, path, "a list: [ … ]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
}

func (d *decoder) string(n ast.Node, v reflect.Value, path string) {
	switch s := n.(type) {
	case *ast.StringNode:
		v.SetString(s.Value)
	case *ast.LiteralNode:
		v.SetString(s.Value.Value)
	default:
		d.wrongType(n, path, "text: put it in quotes")
	}
}

func (d *decoder) number(n ast.Node, v reflect.Value, path string) {
	var limit uint64 = 1<<v.Type().Bits() - 1
	want := fmt.Sprintf("a whole number, 0 to %d", limit)
	if _, ok := n.(*ast.IntegerNode); !ok {
		d.wrongType(n, path, want)
		return
	}
	x, err := strconv.ParseUint(strings.ReplaceAll(n.GetToken().Value, "_", ""), 0, v.Type().Bits())
	if err != nil {
		d.wrongType(n, path, want)
		return
	}
	v.SetUint(x)
}

// examples shows the form of types whose own errors do not.
var examples = map[reflect.Type]string{
	reflect.TypeFor[*netip.Addr]():     "must be an IP address such as 10.0.0.10",
	reflect.TypeFor[*netip.Prefix]():   "must be an IP prefix such as 10.0.0.0/24",
	reflect.TypeFor[*netip.AddrPort](): `must be an IP address and a port, such as "192.0.2.1:4342" or "[2001:db8::1]:4342"`,
}

func (d *decoder) text(n ast.Node, v encoding.TextUnmarshaler, path string) {
	scalar := false
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		scalar = true
	}
	text := ""
	if scalar {
		text = n.GetToken().Value
	}
	err := v.UnmarshalText([]byte(text))
	if addr, ok := v.(*netip.Addr); ok && err == nil && (text == "" || addr.Zone() != "") {
		err = fmt.Errorf("not a plain address")
	}
	if p, ok := v.(*netip.Prefix); ok && err == nil && !p.IsValid() {
		err = fmt.Errorf("empty")
	}
	if err == nil && scalar {
		return
	}
	fix := examples[reflect.TypeOf(v)]
	if fix == "" && err != nil {
		fix = err.Error()
	}
	d.add(path, "cannot be "+describe(n), fix)
}

func (d *decoder) wrongType(n ast.Node, path, want string) {
	if path == "" {
		path = "file"
		d.origin.lines[path] = line(n)
	}
	d.add(path, "cannot be "+describe(n), "must be "+want)
}

// describe names a node as an operator sees it.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "an object"
	case *ast.SequenceNode:
		return "a list"
	}
	const longest = 60
	text := n.GetToken().Value
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strconv.Quote(text)
}

func line(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return line(m.Values[0].Key)
	}
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		return tok.Position.Line
	}
	return 0
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keys(t reflect.Type) []string {
	var ks []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			ks = append(ks, tag)
		}
	}
	return ks
}

func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("yaml"); tag != "" && tag == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// setDefaults gives an RLOC of the file what an operator means who names only
// its address.
func (r *RLOC) setDefaults() { r.Priority, r.Weight = 1, 100 }
