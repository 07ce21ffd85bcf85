package config

import (
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// MaxFile bounds a configuration file; 20,000 viewers' neighbors fit ten times.
const MaxFile = 16 << 20

// Load reads, decodes and completes a configuration file.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Problems: []Problem{{
			File: path, What: "cannot be read: " + cause(err), Fix: "give the path of a YAML file",
		}}}
	}
	return Decode(path, data)
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
	if len(data) > MaxFile {
		d.add("", fmt.Sprintf("has %d bytes", len(data)), fmt.Sprintf("the limit is %d", MaxFile))
		return nil, d.err()
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
