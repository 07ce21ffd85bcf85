package bmv2json

import "fmt"

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
