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

// decoder fills structs from a tree of nodes. It walks the tree itself, rather
// than let the YAML or JSON package fill the structs, to report every mistake at
// once and to keep the line of every value for the checks after it.
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
		d.add("", "is empty", "give at least listen, and a store or sites; see examples/")
	case len(docs) > 1:
		d.origin.lines["document"] = docs[1].Body.GetToken().Position.Line
		d.add("document", "is the second YAML document of the file", "keep one document (no ---)")
	default:
		n := fromYAML(docs[0].Body)
		d.value(&n, reflect.ValueOf(cfg).Elem(), "", 0)
	}
}

// value decodes one node into v.
func (d *decoder) value(n *node, v reflect.Value, path string, depth int) {
	if _, known := d.origin.lines[path]; !known && path != "" {
		d.origin.lines[path] = n.line
	}
	if n.kind == refusedNode {
		d.add(path, "uses a YAML anchor, alias or tag ("+n.text+")", "write the value out")
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
		if n.kind == truthNode {
			v.SetBool(strings.EqualFold(n.text, "true"))
		} else {
			d.wrongType(n, path, "true or false")
		}
	default:
		d.number(n, v, path)
	}
}

// object decodes a mapping; every key must be one of the struct's.
func (d *decoder) object(n *node, v reflect.Value, path string, depth int) {
	if n.kind != objectNode {
		d.wrongType(n, path, "an object: { "+strings.Join(keys(v.Type()), ": …, ")+": … }")
		return
	}
	if o, ok := v.Addr().Interface().(interface{ setDefaults() }); ok {
		o.setDefaults()
	}
	seen := map[string]bool{}
	for i := range n.pairs {
		pair := &n.pairs[i]
		key := pair.key
		child := join(path, key)
		field, ok := fieldOf(v, key)
		if !ok {
			d.list = append(d.list, Problem{File: d.origin.file, Line: pair.line, Path: child,
				What: "unknown key " + strconv.Quote(key), Fix: DidYouMean(key, keys(v.Type()))})
			continue
		}
		d.origin.lines[child] = pair.line
		if seen[key] {
			d.add(child, "is given twice", "keep one")
			continue
		}
		seen[key] = true
		d.value(&pair.value, field, child, depth+1)
	}
}

func (d *decoder) sequence(n *node, v reflect.Value, path string, depth int) {
	if n.kind != listNode {
		d.wrongType(n, path, "a list: "+listOf(n, v.Type().Elem()))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i := range n.items {
		d.value(&n.items[i], v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
}

// listOf shows the list that was perhaps meant by n: of n alone, or of objects.
func listOf(n *node, item reflect.Type) string {
	_, isText := reflect.New(item).Interface().(encoding.TextUnmarshaler)
	switch {
	case item.Kind() == reflect.Struct && !isText:
		return "[ { " + strings.Join(keys(item), ": …, ") + ": … } ]"
	case n.kind == textNode && len(n.text) <= longest:
		return "[" + strconv.Quote(n.text) + "]"
	}
	return "[ … ]"
}

func (d *decoder) string(n *node, v reflect.Value, path string) {
	if n.kind != textNode {
		d.wrongType(n, path, "text: put it in quotes")
		return
	}
	v.SetString(n.text)
}

func (d *decoder) number(n *node, v reflect.Value, path string) {
	var limit uint64 = 1<<v.Type().Bits() - 1
	want := fmt.Sprintf("a whole number, 0 to %d", limit)
	x, err := strconv.ParseUint(strings.ReplaceAll(n.text, "_", ""), 0, v.Type().Bits())
	if n.kind != numberNode || err != nil {
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

func (d *decoder) text(n *node, v encoding.TextUnmarshaler, path string) {
	scalar := n.kind == textNode || n.kind == numberNode || n.kind == truthNode
	text := n.text
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
	d.add(path, "cannot be "+describe(n, path), fix)
}

func (d *decoder) wrongType(n *node, path, want string) {
	if path == "" && d.origin.file != "" {
		path = "file"
		d.origin.lines[path] = n.line
	}
	d.add(path, "cannot be "+describe(n, path), "must be "+want)
}

// longest is what is shown of a value.
const longest = 60

// aboutSecrets reports whether what is at a path may be a secret, or was meant to
// have one in it: nobody is told its value.
func aboutSecrets(path string) bool {
	field := path[strings.LastIndexByte(path, '.')+1:]
	return field == "secret" || strings.HasPrefix(field, "auth_keys") || strings.HasPrefix(field, "webhooks")
}

// describe names a node as an operator sees it.
func describe(n *node, path string) string {
	switch n.kind {
	case nullNode:
		return "empty"
	case objectNode:
		return "an object"
	case listNode:
		return "a list"
	}
	if aboutSecrets(path) {
		return "just a word or a number"
	}
	text := n.text
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strconv.Quote(text)
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
