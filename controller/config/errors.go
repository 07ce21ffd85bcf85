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

// at is "file:line" of a path, or the path itself, to name the other party of
// a conflict.
func (o origin) at(path string) string {
	if l := o.line(path); o.file != "" && l > 0 {
		return fmt.Sprintf("%s (line %d)", path, l)
	}
	return path
}

// problems collects what is wrong.
type problems struct {
	origin origin
	list   []Problem
}

func (p *problems) add(path, what, fix string) {
	p.list = append(p.list, Problem{
		File: p.origin.file, Line: p.origin.line(path), Path: path, What: what, Fix: fix,
	})
}

// err returns everything collected as an *Error, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{Problems: p.list}
}
