package bmv2json

// The parser and the deparser.

// Parser is a parser.
type Parser struct {
	Name   string       `json:"name"`
	Init   *string      `json:"init_state"`
	States []ParseState `json:"parse_states"`
}

// ParseState is a state of a parser.
type ParseState struct {
	Name        string       `json:"name"`
	Ops         []ParserOp   `json:"parser_ops"`
	Transitions []Transition `json:"transitions"`
	Key         Values       `json:"transition_key"`
}

// ParserOp is an operation in a parse state. Primitive is set instead of
// Params when Op is "primitive".
type ParserOp struct {
	Op        string
	Params    Values
	Primitive *Primitive
	Source    *Source
}

// Transition is one way out of a parse state.
type Transition struct {
	Type  string // "default", "hexstr" or "parse_vset"
	Value string
	Mask  *string
	Next  *string
}

// ValueSet is a parser value set.
type ValueSet struct {
	Name   string  `json:"name"`
	Source *Source `json:"source_info"`
}

// Deparser is a deparser.
type Deparser struct {
	Name       string            `json:"name"`
	Order      []string          `json:"order"`
	Primitives []DeparserPrimDef `json:"primitives"`
	Source     *Source           `json:"source_info"`
}

// DeparserPrimDef is an extern call in a deparser, kept only so that it can
// be refused.
type DeparserPrimDef struct {
	Op string `json:"op"`
}
