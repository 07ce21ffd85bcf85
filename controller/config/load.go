package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// MaxFile bounds a configuration file; 20,000 viewers' neighbors fit ten times.
const MaxFile = 16 << 20

// Load reads, decodes and completes a configuration file.
func Load(path string) (*Config, error) {
	data, err := Read(path)
	if err != nil {
		return nil, &Error{Problems: []Problem{{
			File: path, What: "cannot be read: " + cause(err), Fix: fixOf(err),
		}}}
	}
	return Decode(path, data)
}

// Read reads a configuration file, and of one that is longer than MaxFile, or has
// no end, as much as shows that.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// fixOf is what helps against a file that cannot be read.
func fixOf(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "run as who may read it"
	}
	return "give the path of a YAML file"
}

func cause(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// Decode decodes and completes a configuration; file is its name in errors.
func Decode(file string, data []byte) (*Config, error) {
	d := &decoder{problems: problems{origin: origin{file: file, lines: map[string]int{}}}}
	data, err := Text(file, data)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		d.syntax(err)
		return nil, d.err()
	}
	cfg := &Config{}
	d.file(tree, cfg)
	if err := d.err(); err != nil {
		return nil, err
	}
	cfg.origin = d.origin
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// maxOpen bounds brackets without their other half; some may be in texts.
const maxOpen = 1000

// byteOrderMark is what some editors put in front of UTF-8.
var byteOrderMark = []byte("\ufeff")

// Text returns what of a file may be given to a YAML parser, or an *Error that
// says why nothing may: parsers take any bytes for text, and time that grows with
// the square of the depth.
func Text(file string, data []byte) ([]byte, error) {
	text := bytes.TrimPrefix(data, byteOrderMark)
	p := Problem{File: file}
	switch {
	case len(text) > MaxFile:
		p.What, p.Fix = "is too long", fmt.Sprintf("give a file of at most %d bytes", MaxFile)
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		p.What, p.Fix = "is not text in UTF-8", "give a YAML file"
	case deepest(text) > maxOpen:
		p.What, p.Fix = "is nested too deep", "see examples/fig2.yaml"
	default:
		return text, nil
	}
	return nil, &Error{Problems: []Problem{p}}
}

// deepest is how many brackets are open at most.
func deepest(text []byte) int {
	open, most := 0, 0
	for _, b := range text {
		switch b {
		case '[', '{':
			open++
			most = max(most, open)
		case ']', '}':
			open--
		}
	}
	return most
}

// syntax reports a file that is not YAML.
func (d *decoder) syntax(err error) {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		d.add("", "is not valid YAML: "+err.Error(), "")
		return
	}
	p := Problem{File: d.origin.file, What: "is not valid YAML: " + ye.GetMessage()}
	if tok := ye.GetToken(); tok != nil && tok.Position != nil {
		p.Line = tok.Position.Line
	}
	d.list = append(d.list, p)
}
