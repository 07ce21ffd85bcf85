package contract

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// askers is how many ask at a time.
const askers = 4

// Random asks random operations with random parameters and bodies for some time.
// Answers must be as the document says, and never a failure of the server.
func Random(t *testing.T, o Options, seed uint64, during time.Duration) {
	a := open(t, o)
	t.Logf("seed %d", seed)
	var asked, taken atomic.Uint64
	var wg sync.WaitGroup
	end := time.Now().Add(during)
	for i := range askers {
		wg.Go(func() {
			g := &generator{a.document, rand.New(rand.NewPCG(seed, uint64(i)))}
			for time.Now().Before(end) && !t.Failed() {
				r := a.random(g)
				got, err := a.ask(r)
				asked.Add(1)
				if err != nil {
					t.Errorf("%s %s name %q, query %v, headers %v: %v\nrequest: %.2000s", r.op.method, r.op.path, r.name, r.query, r.header, err, r.body)
				} else if got.status < 300 {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d requests, of which %d were taken; answers by status: %v", asked.Load(), taken.Load(), a.seen.total())
	if asked.Load() < 20 || taken.Load() == 0 {
		t.Errorf("only %d requests, %d taken", asked.Load(), taken.Load())
	}
}

// random makes a request: as often one that may succeed as one that cannot.
func (a *api) random(g *generator) *request {
	r := &request{op: a.operations[g.rand.IntN(len(a.operations))], name: a.randomName(g), query: url.Values{}, header: map[string]string{}}
	for _, p := range r.op.parameters {
		if p.in == "path" || g.rand.IntN(4) > 0 {
			continue
		}
		v := g.value(p.schema, 0)
		if g.rand.IntN(3) == 0 {
			v = g.anything(maxDepth)
		}
		switch p.in {
		case "query":
			r.query.Set(p.name, fmt.Sprint(v))
		case "header":
			r.header[p.name] = []string{"*", `"1"`, `W/"1"`, "x", `"a", "b"`}[g.rand.IntN(5)]
		}
	}
	if r.op.body != nil {
		r.body = a.randomBody(g, r.op)
	}
	return r
}

func (a *api) randomName(g *generator) string {
	names := []string{"a", "b", "no-such-name", texts[g.rand.IntN(len(texts))]}
	for _, good := range a.opts.Good {
		names = append(names, good.Name)
	}
	for _, name := range a.opts.FromFile {
		names = append(names, name)
	}
	slices.Sort(names) // maps have no order, and a seed is to give the same
	if name := names[g.rand.IntN(len(names))]; name != "" && name != "." && name != ".." {
		return name
	}
	return "x"
}

// randomBody is a good one, one that is wrong in a place, one of the schema, or
// anything.
func (a *api) randomBody(g *generator, op *operation) []byte {
	schema := op.body
	if put := a.find(http.MethodPut, op.path); put != nil {
		schema = put.body
	}
	good := []byte(a.opts.Good[op.path].Body)
	var v any
	switch g.rand.IntN(6) {
	case 0:
		return good
	case 1:
		raw := slices.Clone(good)
		for range 1 + g.rand.IntN(4) {
			if len(raw) > 0 {
				raw[g.rand.IntN(len(raw))] = byte(g.rand.IntN(256))
			}
		}
		return raw
	case 2:
		v = g.anything(0)
	case 3:
		if json.Unmarshal(good, &v) == nil {
			if all := a.mutants(schema, v); len(all) > 0 {
				v = all[g.rand.IntN(len(all))].body
			}
		}
	default:
		v = g.value(schema, 0)
	}
	text, err := json.Marshal(v)
	if err != nil { // a number that JSON does not have
		return []byte(fmt.Sprint(v))
	}
	return text
}
