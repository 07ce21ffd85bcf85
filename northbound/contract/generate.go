package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes values of schemas.
type generator struct {
	*document
	rand *rand.Rand
}

// maxDepth is deeper than any object of the API.
const maxDepth = 12

// value makes a value of a schema; most of the time a valid one, as far as the
// schema says what is.
func (g *generator) value(schema map[string]any, depth int) any {
	schema = g.resolve(schema)
	if depth > maxDepth {
		return nil
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if all := list(schema[key]); len(all) > 0 {
			return g.value(object(all[g.rand.IntN(len(all))]), depth+1)
		}
	}
	if all := list(schema["enum"]); len(all) > 0 {
		return all[g.rand.IntN(len(all))]
	}
	if all := list(schema["examples"]); len(all) > 0 && g.rand.IntN(3) > 0 {
		return all[g.rand.IntN(len(all))]
	}
	switch typeOf(schema) {
	case "object":
		return g.object(schema, depth)
	case "array":
		var items []any
		for range g.rand.IntN(3) {
			items = append(items, g.value(object(schema["items"]), depth+1))
		}
		return append([]any{}, items...)
	case "integer", "number":
		low, high := bounds(schema)
		return low + g.rand.Int64N(max(high-low, 1))
	case "boolean":
		return g.rand.IntN(2) == 0
	case "string":
		return g.text(schema)
	}
	return g.anything(depth)
}

func (g *generator) object(schema map[string]any, depth int) any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(object(schema["properties"]))) {
		if isRequired(schema, name) || g.rand.IntN(3) == 0 {
			out[name] = g.value(object(object(schema["properties"])[name]), depth+1)
		}
	}
	return out
}

// texts are such as the API takes, in one place or another.
var texts = []string{"a", "news", "studio", "itr", "10.0.0.0/16", "10.0.0.10", "2001:db8::/48", "2001:db8::1", "192.0.2.1", "192.0.2.1/24",
	"127.0.0.1:9559", "02:00:00:00:00:01", "4Mbps", "3m", "known", "local", "transit", "unicast", "hmac-sha256-128", "softswitch",
	"", " ", "0", "-1", "\x00", "../x", "é", "%", "*", strings.Repeat("x", 300)}

func (g *generator) text(schema map[string]any) string {
	switch schema["format"] {
	case "date-time":
		return "2030-01-31T12:00:00Z"
	case "ipv4":
		return "192.0.2.1"
	}
	return texts[g.rand.IntN(len(texts))]
}

// anything makes a value that no schema was asked for.
func (g *generator) anything(depth int) any {
	switch n := g.rand.IntN(8); {
	case n < 2:
		return texts[g.rand.IntN(len(texts))]
	case n == 2:
		return g.rand.Int64() - 1<<62
	case n == 3:
		return json.Number("1e400")
	case n == 4:
		return nil
	case n == 5:
		return g.rand.IntN(2) == 0
	case n == 6 && depth < maxDepth:
		return []any{g.anything(depth + 1)}
	case depth < maxDepth:
		return map[string]any{texts[g.rand.IntN(len(texts))]: g.anything(depth + 1)}
	}
	return 0.5
}

// typeOf is the type of a schema; of several, the first that is not null.
func typeOf(schema map[string]any) string {
	if one, ok := schema["type"].(string); ok {
		return one
	}
	for _, t := range list(schema["type"]) {
		if t != "null" {
			return fmt.Sprint(t)
		}
	}
	return ""
}

func isRequired(schema map[string]any, name string) bool {
	return slices.Contains(list(schema["required"]), any(name))
}

// bounds of a number; 0 to 1000 if a schema has none.
func bounds(schema map[string]any) (low, high int64) {
	low, high = 0, 1000
	if n, ok := number(schema["minimum"]); ok {
		low, high = n, n+1000
	}
	if n, ok := number(schema["maximum"]); ok {
		high = n
	}
	return low, high
}

func number(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return int64(f), err == nil
}
