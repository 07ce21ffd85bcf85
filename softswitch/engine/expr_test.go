package engine

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The oracle: expressions computed with integers of any size, as bmv2 does,
// and truncated on assignment only.

type m = map[string]any

func hex(v *big.Int) m {
	if v.Sign() < 0 {
		return m{"type": "hexstr", "value": "-0x" + new(big.Int).Neg(v).Text(16)}
	}
	return m{"type": "hexstr", "value": "0x" + v.Text(16)}
}

func op(name string, l, r any) m {
	return m{"type": "expression", "value": m{"op": name, "left": l, "right": r}}
}

func field(h, f string) m { return m{"type": "field", "value": []string{h, f}} }

var exprWidths = []int{1, 7, 8, 13, 32, 48, 63, 64, 65, 128, 200, 512}

const signedField = "s40" // the one signed field, 40 bits

// exprType is a header with a field of each width, padded to whole bytes.
func exprFields() []any {
	var fields []any
	total := 40
	for _, w := range exprWidths {
		fields = append(fields, []any{fmt.Sprintf("f%d", w), w, false})
		total += w
	}
	fields = append(fields, []any{signedField, 40, true})
	if pad := (8 - total%8) % 8; pad > 0 {
		fields = append(fields, []any{"pad", pad, false})
	}
	return fields
}

// genExpr makes a random number expression and its exact value.
func genExpr(t *rapid.T, vals map[string]*big.Int, depth int) (m, *big.Int) {
	if depth == 0 || rapid.IntRange(0, 4).Draw(t, "leaf") == 0 {
		if rapid.Bool().Draw(t, "const") {
			v := genBig(t, rapid.SampledFrom(exprWidths).Draw(t, "width"))
			if rapid.IntRange(0, 5).Draw(t, "neg") == 0 {
				v.Neg(v)
			}
			return hex(v), v
		}
		if rapid.IntRange(0, 8).Draw(t, "signed") == 0 {
			return field("h", signedField), twoComp(vals[signedField], 40)
		}
		name := fmt.Sprintf("f%d", rapid.SampledFrom(exprWidths).Draw(t, "field"))
		return field("h", name), vals[name]
	}
	switch o := rapid.SampledFrom([]string{"+", "-", "*", "&", "|", "^", "~", "<<", ">>", "two_comp_mod", "sat_cast", "usat_cast", "?", "b2d", "mask", "mask"}).Draw(t, "op"); o {
	case "~":
		x, v := genExpr(t, vals, depth-1)
		return op("~", nil, x), new(big.Int).Not(v)
	case "mask": // what p4c puts around most results
		x, v := genExpr(t, vals, depth-1)
		k := maxOf(rapid.SampledFrom(exprWidths).Draw(t, "mask"))
		return op("&", x, hex(k)), new(big.Int).And(v, k)
	case "<<", ">>":
		x, v := genExpr(t, vals, depth-1)
		if rapid.Bool().Draw(t, "constshift") {
			k := rapid.IntRange(0, 140).Draw(t, "k")
			return op(o, x, hex(big.NewInt(int64(k)))), shift(o, v, uint(k))
		}
		name := rapid.SampledFrom([]string{"f1", "f7", "f8"}).Draw(t, "amount")
		return op(o, x, field("h", name)), shift(o, v, uint(vals[name].Uint64()))
	case "two_comp_mod", "sat_cast", "usat_cast":
		x, v := genExpr(t, vals, depth-1)
		k := big.NewInt(int64(rapid.SampledFrom(exprWidths).Draw(t, "cast")))
		out, _ := evalArith(o, v, k)
		return op(o, x, hex(k)), out
	case "?":
		c, b := genCond(t, vals, depth-1)
		l, lv := genExpr(t, vals, depth-1)
		r, rv := genExpr(t, vals, depth-1)
		if !b {
			lv = rv
		}
		e := op("?", l, r)
		e["value"].(m)["cond"] = c
		return e, lv
	case "b2d":
		c, b := genCond(t, vals, depth-1)
		if b {
			return op("b2d", nil, c), big.NewInt(1)
		}
		return op("b2d", nil, c), new(big.Int)
	default:
		l, lv := genExpr(t, vals, depth-1)
		r, rv := genExpr(t, vals, depth-1)
		out, _ := evalArith(o, lv, rv)
		return op(o, l, r), out
	}
}

func shift(o string, v *big.Int, k uint) *big.Int {
	if o == "<<" {
		return new(big.Int).Lsh(v, k)
	}
	return new(big.Int).Rsh(v, k)
}

func genCond(t *rapid.T, vals map[string]*big.Int, depth int) (m, bool) {
	switch o := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">=", "and", "or", "not", "d2b", "valid", "beq"}).Draw(t, "cond"); o {
	case "and", "or":
		if depth <= 0 {
			return m{"type": "bool", "value": true}, true
		}
		l, lb := genCond(t, vals, depth-1)
		r, rb := genCond(t, vals, depth-1)
		if o == "and" {
			return op(o, l, r), lb && rb
		}
		return op(o, l, r), lb || rb
	case "beq":
		if depth <= 0 {
			return m{"type": "bool", "value": false}, false
		}
		l, lb := genCond(t, vals, depth-1)
		r, rb := genCond(t, vals, depth-1)
		return op("==", l, r), lb == rb
	case "not":
		x, b := genCond(t, vals, depth-1)
		return op("not", nil, x), !b
	case "valid":
		h := rapid.SampledFrom([]string{"h", "g"}).Draw(t, "hdr")
		return op("valid", nil, m{"type": "header", "value": h}), h == "h"
	case "d2b":
		x, v := genExpr(t, vals, max(0, depth-1))
		return op("d2b", nil, x), v.Sign() != 0
	default:
		l, lv := genExpr(t, vals, max(0, depth-1))
		r, rv := l, lv
		if rapid.IntRange(0, 3).Draw(t, "same") > 0 {
			r, rv = genExpr(t, vals, max(0, depth-1))
		}
		b, _ := evalBool(&node{op: o, left: &node{op: "const", val: lv}, right: &node{op: "const", val: rv}})
		return op(o, l, r), b
	}
}

func genBig(t *rapid.T, width int) *big.Int {
	b := rapid.SliceOfN(rapid.Byte(), (width+7)/8, (width+7)/8).Draw(t, "bytes")
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		return new(big.Int)
	case 1:
		return maxOf(width)
	case 2:
		return pow2(width - 1)
	}
	return new(big.Int).And(new(big.Int).SetBytes(b), maxOf(width))
}

func TestExpressionsAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vals := map[string]*big.Int{}
		frame := new(big.Int)
		bits := 0
		put := func(name string, w int) {
			vals[name] = genBig(t, w)
			frame.Or(frame.Lsh(frame, uint(w)), vals[name])
			bits += w
		}
		for _, w := range exprWidths {
			put(fmt.Sprintf("f%d", w), w)
		}
		put(signedField, 40)
		pad := (8 - bits%8) % 8
		put("pad", pad)
		expr, want := genExpr(t, vals, 4)
		dst := rapid.SampledFrom(exprWidths).Draw(t, "dst")
		dstHdr := rapid.SampledFrom([]string{"h", "meta"}).Draw(t, "dsthdr")

		prims := []any{prim("assign", field(dstHdr, fmt.Sprintf("f%d", dst)), expr)}
		if dstHdr == "meta" {
			prims = append(prims, prim("assign", field("h", fmt.Sprintf("f%d", dst)), field("meta", fmt.Sprintf("f%d", dst))))
		}
		doc := exprDoc(prims)
		p, err := Compile(doc)
		if err != nil {
			if isUnsupported(err) {
				t.Skip(err)
			}
			t.Fatalf("%v\n%s", err, doc)
		}
		in := frame.FillBytes(make([]byte, bits/8))
		var got []byte
		New(p, Config{}).Process(1, in, func(_ uint32, b []byte) { got = append(got, b...) })

		vals[fmt.Sprintf("f%d", dst)] = new(big.Int).And(want, maxOf(dst))
		expect := new(big.Int)
		for _, w := range exprWidths {
			expect.Or(expect.Lsh(expect, uint(w)), vals[fmt.Sprintf("f%d", w)])
		}
		expect.Or(expect.Lsh(expect, 40), vals[signedField])
		expect.Or(expect.Lsh(expect, uint(pad)), vals["pad"])
		if w := expect.FillBytes(make([]byte, bits/8)); string(got) != string(w) {
			j, _ := json.Marshal(expr)
			t.Fatalf("f%d = %s\n got %x\nwant %x\n  in %x", dst, j, got, w, in)
		}
	})
}

// prim is a primitive; like p4c, it wraps expressions once more.
func prim(name string, params ...any) m {
	for i, p := range params {
		if e, ok := p.(m); ok && e["type"] == "expression" {
			params[i] = m{"type": "expression", "value": e}
		}
	}
	return m{"op": name, "parameters": params}
}

// exprDoc is a program that parses header h, runs prims and sends to port 2.
func exprDoc(prims []any) []byte {
	fields := exprFields()
	prims = append(prims, prim("assign", field("standard_metadata", "egress_spec"), hex(big.NewInt(2))))
	doc := testDoc(
		[]any{m{"name": "T", "id": 0, "fields": fields}},
		[]any{
			m{"name": "h", "id": 10, "header_type": "T", "metadata": false},
			m{"name": "g", "id": 11, "header_type": "T", "metadata": false},
			m{"name": "meta", "id": 12, "header_type": "T", "metadata": true},
		},
		[]string{"h", "g"}, []string{"h"}, prims)
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return b
}
