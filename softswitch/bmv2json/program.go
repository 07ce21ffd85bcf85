package bmv2json

import (
	"fmt"
	"math/big"
)

// Program is a whole BMv2 JSON document.
type Program struct {
	Meta         Meta          `json:"__meta__"`
	Name         string        `json:"program"`
	HeaderTypes  []HeaderType  `json:"header_types"`
	Headers      []Header      `json:"headers"`
	Stacks       []Stack       `json:"header_stacks"`
	Unions       []Named       `json:"header_unions"`
	UnionStacks  []Named       `json:"header_union_stacks"`
	FieldLists   []FieldList   `json:"field_lists"`
	Errors       []ErrorCode   `json:"errors"`
	Parsers      []Parser      `json:"parsers"`
	ValueSets    []ValueSet    `json:"parse_vsets"`
	Deparsers    []Deparser    `json:"deparsers"`
	Meters       []Meter       `json:"meter_arrays"`
	Counters     []Counter     `json:"counter_arrays"`
	Registers    []Register    `json:"register_arrays"`
	Calculations []Calculation `json:"calculations"`
	LearnLists   []FieldList   `json:"learn_lists"`
	Actions      []Action      `json:"actions"`
	Pipelines    []Pipeline    `json:"pipelines"`
	Checksums    []Checksum    `json:"checksums"`
	Externs      []Named       `json:"extern_instances"`
	Aliases      []Alias       `json:"field_aliases"`
}

// Meta says which version of the format the document has.
type Meta struct {
	Version  []int  `json:"version"`
	Compiler string `json:"compiler"`
}

// Source is a place in the P4 program.
type Source struct {
	File     string `json:"filename"`
	Line     int    `json:"line"`
	Fragment string `json:"source_fragment"`
}

// String returns "file:line: fragment", or "" if the place is not known.
func (s *Source) String() string {
	if s == nil || s.File == "" && s.Line == 0 {
		return ""
	}
	if s.Fragment == "" {
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	return fmt.Sprintf("%s:%d: %s", s.File, s.Line, s.Fragment)
}

// Named is an object of which only the name is kept.
type Named struct {
	Name   string  `json:"name"`
	Source *Source `json:"source_info"`
}

// HeaderType is the type of a header or of a metadata struct.
type HeaderType struct {
	Name   string  `json:"name"`
	Fields []Field `json:"fields"`
}

// Field is one member of a HeaderType.
type Field struct {
	Name   string
	Bits   int
	Signed bool
	// Variable marks a varbit field: "*" in place of the width.
	Variable bool
}

// Header is an instance of a HeaderType.
type Header struct {
	Name     string `json:"name"`
	ID       int    `json:"id"`
	Type     string `json:"header_type"`
	Metadata bool   `json:"metadata"`
}

// Stack is an array of headers.
type Stack struct {
	Name    string `json:"name"`
	Type    string `json:"header_type"`
	Headers []int  `json:"header_ids"`
}

// FieldRef names a field of a header instance.
type FieldRef struct {
	Header, Field string
}

func (r FieldRef) String() string { return r.Header + "." + r.Field }

// Alias gives a field the name under which the target knows it.
type Alias struct {
	Name   string
	Target FieldRef
}

// FieldList is a list of fields that is kept with a packet, or a learn list.
type FieldList struct {
	Name     string  `json:"name"`
	ID       int     `json:"id"`
	Elements Values  `json:"elements"`
	Source   *Source `json:"source_info"`
}

// ErrorCode is a declared parser error.
type ErrorCode struct {
	Name string
	Code uint64
}

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

// Meter is an indexed or direct meter.
type Meter struct {
	Name    string    `json:"name"`
	ID      int       `json:"id"`
	Direct  bool      `json:"is_direct"`
	Rates   int       `json:"rate_count"`
	Type    string    `json:"type"`
	Size    int       `json:"size"`
	Binding string    `json:"binding"`
	Result  *FieldRef `json:"result_target"`
	Source  *Source   `json:"source_info"`
}

// Counter is an indexed or direct counter.
type Counter struct {
	Name    string  `json:"name"`
	ID      int     `json:"id"`
	Direct  bool    `json:"is_direct"`
	Size    int     `json:"size"`
	Binding string  `json:"binding"`
	Source  *Source `json:"source_info"`
}

// Register is a register array.
type Register struct {
	Name   string  `json:"name"`
	ID     int     `json:"id"`
	Size   int     `json:"size"`
	Bits   int     `json:"bitwidth"`
	Source *Source `json:"source_info"`
}

// Calculation is a checksum or hash over a list of values.
type Calculation struct {
	Name   string  `json:"name"`
	Algo   string  `json:"algo"`
	Input  Values  `json:"input"`
	Source *Source `json:"source_info"`
}

// Checksum binds a Calculation to a field.
type Checksum struct {
	Name        string   `json:"name"`
	Target      FieldRef `json:"target"`
	Type        string   `json:"type"`
	Calculation string   `json:"calculation"`
	Verify      *bool    `json:"verify"`
	Update      *bool    `json:"update"`
	If          *Value   `json:"if_cond"`
	Source      *Source  `json:"source_info"`
}

// Action is an action.
type Action struct {
	Name       string      `json:"name"`
	ID         int         `json:"id"`
	Params     []Param     `json:"runtime_data"`
	Primitives []Primitive `json:"primitives"`
	Source     *Source     `json:"source_info"`
}

// Param is a control-plane parameter of an action.
type Param struct {
	Name string `json:"name"`
	Bits int    `json:"bitwidth"`
}

// Primitive is one step of an action.
type Primitive struct {
	Op     string  `json:"op"`
	Params Values  `json:"parameters"`
	Source *Source `json:"source_info"`
}

// Pipeline is a control: ingress or egress.
type Pipeline struct {
	Name           string        `json:"name"`
	Init           *string       `json:"init_table"`
	Tables         []Table       `json:"tables"`
	Conditionals   []Conditional `json:"conditionals"`
	ActionCalls    []ActionCall  `json:"action_calls"`
	ActionProfiles []Named       `json:"action_profiles"`
}

// Table is a match-action table.
type Table struct {
	Name           string             `json:"name"`
	ID             int                `json:"id"`
	Source         *Source            `json:"source_info"`
	Key            []Key              `json:"key"`
	MatchType      string             `json:"match_type"`
	Type           string             `json:"type"`
	MaxSize        int                `json:"max_size"`
	WithCounters   bool               `json:"with_counters"`
	SupportTimeout bool               `json:"support_timeout"`
	DirectMeter    *string            `json:"direct_meters"`
	ActionIDs      []int              `json:"action_ids"`
	Actions        []string           `json:"actions"`
	DefaultNext    *string            `json:"base_default_next"`
	Next           map[string]*string `json:"next_tables"`
	Default        *ActionEntry       `json:"default_entry"`
	Entries        []Entry            `json:"entries"`
}

// Key is one field of a table's key.
type Key struct {
	MatchType string
	Name      string
	// Target is the field; for match type "valid", Header is the header and
	// Field is empty.
	Target FieldRef
	Mask   *big.Int
}

// ActionEntry is an action with its parameters.
type ActionEntry struct {
	ActionID   int
	Const      bool // action fixed
	EntryConst bool // parameters fixed too
	Data       []*big.Int
}

// Entry is a const entry of a table.
type Entry struct {
	Source   *Source
	Match    []EntryKey
	Action   ActionEntry
	Priority int // the smaller wins
}

// EntryKey is one field of an Entry's match key.
type EntryKey struct {
	MatchType  string
	Key, Mask  *big.Int // Key is 0 or 1 for "valid"
	PrefixLen  int
	Start, End *big.Int
}

// Conditional is a branch.
type Conditional struct {
	Name   string  `json:"name"`
	Source *Source `json:"source_info"`
	Expr   *Value  `json:"expression"`
	True   *string `json:"true_next"`
	False  *string `json:"false_next"`
}

// ActionCall runs an action without a table.
type ActionCall struct {
	Name     string  `json:"name"`
	ActionID int     `json:"action_id"`
	Next     *string `json:"next_node"`
	Source   *Source `json:"source_info"`
}
