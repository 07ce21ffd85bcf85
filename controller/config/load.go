package config

import (
	"errors"
	"io/fs"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/corecast/corecast/internal/yamltext"
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
func Read(path string) ([]byte, error) { return yamltext.Read(path, MaxFile) }

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

// Text returns what of a file may be given to a YAML parser, or an *Error that
// says why nothing may.
func Text(file string, data []byte) ([]byte, error) {
	text, err := yamltext.Check(data, MaxFile)
	var wrong *yamltext.Error
	if errors.As(err, &wrong) {
		return nil, &Error{Problems: []Problem{{File: file, What: wrong.What, Fix: wrong.Fix}}}
	}
	return text, err
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
