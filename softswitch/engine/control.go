package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// node ids of a pipeline; done is its end.
const done = -1

// controlNode is a table, a condition or the call of an action.
type controlNode struct {
	table *tableDef
	cond  *node
	whole boolFn // cond, compiled for whatever is known
	call  *actionDef
	next  [2]int // of a condition: if true, if false; of a call: the first
	want  bitset // see pipelineDef.wanted
}

// pipelineDef is an ingress or egress control: a graph without cycles. Blocks
// (block.go) are made of it.
type pipelineDef struct {
	nodes []controlNode
	init  int
	after bitset // words that matter after the pipeline
}

// graph resolves names of nodes and remembers who follows whom.
type graph struct {
	index map[string]int
	next  map[int][]int
}

func (gr *graph) resolve(from int, name *string) (int, error) {
	if name == nil {
		return done, nil
	}
	i, ok := gr.index[*name]
	if !ok {
		return 0, fmt.Errorf("no table or condition %q in this pipeline", *name)
	}
	gr.next[from] = append(gr.next[from], i)
	return i, nil
}

func (p *Program) compilePipeline(j *bmv2json.Pipeline) (*pipelineDef, error) {
	if len(j.ActionProfiles) > 0 {
		return nil, unsupported("action profile "+j.ActionProfiles[0].Name, j.ActionProfiles[0].Source)
	}
	gr := &graph{index: map[string]int{}, next: map[int][]int{}}
	for _, name := range nodeNames(j) {
		if _, dup := gr.index[name]; dup {
			return nil, fmt.Errorf("pipeline %s: node %s is declared twice", j.Name, name)
		}
		gr.index[name] = len(gr.index)
	}
	d := &pipelineDef{}
	var err error
	if d.init, err = gr.resolve(done, j.Init); err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", j.Name, err)
	}
	for i := range j.Tables {
		n, err := p.compileTable(&j.Tables[i], gr, len(d.nodes))
		if err != nil {
			return nil, at(j.Tables[i].Source, fmt.Errorf("table %s: %w", j.Tables[i].Name, err))
		}
		d.nodes = append(d.nodes, n)
	}
	for i := range j.Conditionals {
		n, err := p.compileCondition(&j.Conditionals[i], gr, len(d.nodes))
		if err != nil {
			return nil, at(j.Conditionals[i].Source, fmt.Errorf("condition %s: %w", j.Conditionals[i].Name, err))
		}
		d.nodes = append(d.nodes, n)
	}
	for i := range j.ActionCalls {
		n, err := p.compileCall(&j.ActionCalls[i], gr, len(d.nodes))
		if err != nil {
			return nil, at(j.ActionCalls[i].Source, fmt.Errorf("action call %s: %w", j.ActionCalls[i].Name, err))
		}
		d.nodes = append(d.nodes, n)
	}
	if gr.cyclic() {
		return nil, fmt.Errorf("pipeline %s: its tables form a loop", j.Name)
	}
	return d, nil
}

func (p *Program) compileCondition(j *bmv2json.Conditional, gr *graph, self int) (controlNode, error) {
	s := &scope{p: p}
	n, err := s.truth(j.Expr)
	if err != nil {
		return controlNode{}, err
	}
	whole := s.gen().truth(n)
	yes, err := gr.resolve(self, j.True)
	if err != nil {
		return controlNode{}, err
	}
	no, err := gr.resolve(self, j.False)
	return controlNode{cond: n, whole: whole, next: [2]int{yes, no}}, err
}

func (p *Program) compileCall(j *bmv2json.ActionCall, gr *graph, self int) (controlNode, error) {
	a := p.actionByID[j.ActionID]
	if a == nil || len(a.params) > 0 {
		return controlNode{}, fmt.Errorf("action %d does not exist or has parameters", j.ActionID)
	}
	next, err := gr.resolve(self, j.Next)
	return controlNode{call: a, next: [2]int{next}}, err
}

// nodeNames lists a pipeline's nodes in the order in which they are compiled.
func nodeNames(j *bmv2json.Pipeline) []string {
	var names []string
	for _, t := range j.Tables {
		names = append(names, t.Name)
	}
	for _, c := range j.Conditionals {
		names = append(names, c.Name)
	}
	for _, a := range j.ActionCalls {
		names = append(names, a.Name)
	}
	return names
}

// cyclic looks for a way from a node to itself.
func (gr *graph) cyclic() bool {
	const (
		open = iota + 1
		closed
	)
	state := map[int]int{}
	var visit func(int) bool
	visit = func(n int) bool {
		if state[n] == open {
			return true
		}
		if state[n] == closed {
			return false
		}
		state[n] = open
		for _, m := range gr.next[n] {
			if visit(m) {
				return true
			}
		}
		state[n] = closed
		return false
	}
	for n := range gr.next {
		if visit(n) {
			return true
		}
	}
	return false
}

// findWanted computes the words that decide something from each node on, given
// those that matter after the pipeline.
func (d *pipelineDef) findWanted(after bitset) {
	d.after = after
	var visit func(int) bitset
	visit = func(n int) bitset {
		if n == done {
			return after
		}
		node := &d.nodes[n]
		if node.want != nil {
			return node.want
		}
		want := make(bitset, len(after))
		switch {
		case node.table != nil:
			for i := range node.table.ways() {
				to := node.table.way(i)
				way := append(bitset(nil), visit(to.node)...)
				if to.action != nil {
					to.action.wants(way)
				}
				want.union(way)
			}
		case node.cond != nil:
			node.cond.reads(want)
			want.union(visit(node.next[0]))
			want.union(visit(node.next[1]))
		default:
			want.union(visit(node.next[0]))
			node.call.wants(want)
		}
		node.want = want
		return want
	}
	for n := range d.nodes {
		visit(n)
	}
}
