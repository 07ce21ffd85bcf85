package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml/ast"
)

// node is a value as it was written, in YAML or in JSON.
type node struct {
	kind  nodeKind
	text  string // of a scalar
	line  int    // 0 in JSON
	pairs []pair // of an object
	items []node // of a list
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	textNode
	numberNode
	truthNode
	listNode
	objectNode
	refusedNode // something of YAML that we do not take
)

type pair struct {
	key   string
	line  int
	value node
}

// fromYAML makes a node of a YAML value.
func fromYAML(n ast.Node) node {
	out := node{line: line(n)}
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		out.kind, out.text = refusedNode, n.GetToken().Value
	case *ast.NullNode:
	case *ast.MappingNode:
		out.kind, out.pairs = objectNode, yamlPairs(n.Values)
	case *ast.MappingValueNode:
		out.kind, out.pairs = objectNode, yamlPairs([]*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out.kind = listNode
		for _, item := range n.Values {
			out.items = append(out.items, fromYAML(item))
		}
	case *ast.StringNode:
		out.kind, out.text = textNode, n.Value
	case *ast.LiteralNode:
		out.kind, out.text = textNode, n.Value.Value
	case *ast.BoolNode:
		out.kind, out.text = truthNode, n.GetToken().Value
	default:
		out.kind, out.text = numberNode, n.GetToken().Value
	}
	return out
}

func yamlPairs(values []*ast.MappingValueNode) []pair {
	var pairs []pair
	for _, v := range values {
		pairs = append(pairs, pair{v.Key.GetToken().Value, line(v.Key), fromYAML(v.Value)})
	}
	return pairs
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

var errTooDeep = errors.New("nested too deep")

// fromJSON makes a node of a JSON text.
func fromJSON(data []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := jsonValue(d, 0)
	if err != nil {
		return node{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return node{}, fmt.Errorf("something follows the first value")
	}
	return n, nil
}

func jsonValue(d *json.Decoder, depth int) (node, error) {
	token, err := d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return node{}, err
	}
	if depth > maxDepth {
		return node{}, errTooDeep
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return jsonObject(d, depth)
		}
		return jsonList(d, depth)
	case string:
		return node{kind: textNode, text: t}, nil
	case json.Number:
		return node{kind: numberNode, text: t.String()}, nil
	case bool:
		return node{kind: truthNode, text: fmt.Sprint(t)}, nil
	}
	return node{kind: nullNode}, nil
}

func jsonObject(d *json.Decoder, depth int) (node, error) {
	n := node{kind: objectNode}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return n, err
		}
		value, err := jsonValue(d, depth+1)
		if err != nil {
			return n, err
		}
		n.pairs = append(n.pairs, pair{key: key.(string), value: value}) // More and Token see to it that it is one
	}
	_, err := d.Token()
	return n, err
}

func jsonList(d *json.Decoder, depth int) (node, error) {
	n := node{kind: listNode}
	for d.More() {
		item, err := jsonValue(d, depth+1)
		if err != nil {
			return n, err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return n, err
}
