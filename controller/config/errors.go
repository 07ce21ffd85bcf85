package config

import (
	"fmt"
	"slices"
	"strings"
)

// ExitCode is what a command exits with on an *Error (EX_CONFIG of sysexits).
const ExitCode = 78

// Error says that a configuration cannot be used. It holds at least one
// problem; commands exit with ExitCode.
type Error struct {
	Problems []Problem
}

// Problem is one thing wrong with the configuration.
type Problem struct {
	File string // empty for a Config built from Go structs
	Line int    // 0 when unknown
	Path string // such as switches[0].ports[1].address
	What string // what is wrong, with the value
	Fix  string // what would be right
}

func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.What)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Error lists the problems, one a line, in the order of the file.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// origin remembers where in the file each value stood.
type origin struct {
	file  string
	lines map[string]int // by path
	own   map[string]int // how many objects of each list are of the file; nil: all
}

// line returns the line of path or of the nearest object around it.
func (o origin) line(path string) int {
	for path != "" {
		if l, ok := o.lines[path]; ok {
			return l
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

// foreign reports whether the object of a path did not come from the file.
func (o origin) foreign(path string) bool {
	list, index, _, ok := SplitPath(path)
	return ok && o.own != nil && index >= o.own[list]
}

// problems collects what is wrong.
type problems struct {
	origin origin
	cfg    *Config // nil while it is decoded
	list   []Problem
}

// maxProblems is how many are told of one file or body.
const maxProblems = 100

func (p *problems) add(path, what, fix string) {
	if len(p.list) >= maxProblems {
		return
	}
	pr := Problem{Path: path, What: what, Fix: fix}
	if !p.origin.foreign(path) {
		pr.File, pr.Line = p.origin.file, p.origin.line(path)
	}
	p.list = append(p.list, pr)
}

// at names the other party of a conflict: its path with its line in the file,
// or the object and its field.
func (p *problems) at(path string) string {
	if l := p.origin.line(path); p.origin.file != "" && l > 0 && !p.origin.foreign(path) {
		return fmt.Sprintf("%s (line %d)", path, l)
	}
	if p.cfg == nil || !p.origin.foreign(path) {
		return path
	}
	_, _, rest, _ := SplitPath(path)
	return strings.TrimSpace(p.cfg.objectAt(path) + " " + rest)
}

// err returns everything collected as an *Error, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{Problems: p.list}
}
