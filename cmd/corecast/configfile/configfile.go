// Package configfile reads the configuration files that commands are given. Those of
// controllers and of sources look much alike: who gives one to a command of the
// other is told so, and which command takes it.
package configfile

import (
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/source/station"
)

// Controller reads the file of a controller. What is wrong is a *config.Error.
func Controller(path string) (*config.Config, error) {
	cfg, err := config.Load(path)
	if err != nil && kindOfFile(path) == OfSource {
		return nil, mistaken(path, OfSource)
	}
	return cfg, err
}

// Source reads the file of a source. What is wrong is a *config.Error.
func Source(path string) (*station.Config, error) {
	cfg, err := station.Load(path)
	if err != nil && kindOfFile(path) == OfController {
		return nil, mistaken(path, OfController)
	}
	return cfg, Wrong(err)
}

// Wrong makes the error of a source's file one of a file, as those of controllers
// are.
func Wrong(err error) error {
	var wrong *station.Error
	if !errors.As(err, &wrong) {
		return err
	}
	return &config.Error{Problems: []config.Problem{{File: wrong.File, Line: wrong.Line, Path: wrong.Path, What: wrong.What}}}
}

// commandOf is how a file of a kind is run.
var commandOf = map[Kind]string{
	OfController: "corecast controller --config %s",
	OfSource:     "corecast source --config %s",
}

// mistaken is the error of a file that is for another program.
func mistaken(path string, kind Kind) error {
	return &config.Error{Problems: []config.Problem{{File: path, What: "is the configuration of a " + string(kind),
		Fix: fmt.Sprintf("run it with `"+commandOf[kind]+"`", path)}}}
}

// kindOfFile is the kind of a file; Unclear if it cannot be read.
func kindOfFile(path string) Kind {
	text, err := config.Read(path)
	if err != nil {
		return Unclear
	}
	return KindOf(text)
}

// Text reads a file of YAML or JSON, or with the name - standard input.
func Text(stdin io.Reader, path string) ([]byte, error) {
	read := config.Read
	if path == "-" {
		read = func(string) ([]byte, error) { return io.ReadAll(io.LimitReader(stdin, config.MaxFile+1)) }
	}
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	return config.Text(path, text)
}

// Unreadable is the error of a file that is no YAML, in one line.
func Unreadable(name string, err error) error {
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		name = fmt.Sprintf("%s:%d", name, at.GetToken().Position.Line)
	}
	return fmt.Errorf("%s: no YAML or JSON: %s", name, Syntax(err))
}

// Syntax is what is wrong with YAML, without the lines around it.
func Syntax(err error) string {
	var at yaml.Error
	if errors.As(err, &at) {
		return at.GetMessage()
	}
	return err.Error()
}
