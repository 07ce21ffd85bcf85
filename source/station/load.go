package station

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/corecast/corecast/internal/yamltext"
)

// Error is a configuration that cannot be used.
type Error struct {
	File string // empty for flags
	Line int    // 0 for not known
	Path string // such as channels[0].input
	What string // what is wrong, and what would be right
}

func (e *Error) Error() string {
	s := e.What
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	switch {
	case e.File != "" && e.Line > 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, s)
	case e.File != "":
		return e.File + ": " + s
	}
	return s
}

// maxFile is longer than configurations are.
const maxFile = 4 << 20

// Load reads a configuration file strictly: what is not known is an error.
func Load(file string) (*Config, error) {
	b, err := yamltext.Read(file, maxFile)
	if err != nil {
		return nil, &Error{File: file, What: fmt.Sprintf("cannot be read: %v", err)}
	}
	return Decode(file, b)
}

// Decode is Load of what was read already; file is its name in errors.
func Decode(file string, b []byte) (*Config, error) {
	b, err := yamltext.Check(b, maxFile)
	if err != nil {
		return nil, &Error{File: file, What: err.Error()}
	}
	cfg := new(Config)
	if err := yaml.UnmarshalWithOptions(b, cfg, yaml.Strict()); err != nil {
		e := &Error{File: file, Line: lineOfValue(string(b), err.Error()), What: err.Error()}
		var at yaml.Error
		if errors.As(err, &at) {
			e.What = message(at)
			if t := at.GetToken(); t != nil {
				e.Line = t.Position.Line
			}
		}
		return nil, e
	}
	cfg.file, cfg.fileBytes = file, b
	return cfg, cfg.Complete()
}

// message says what is wrong in the words of the file, not in those of Go.
func message(err yaml.Error) string {
	var kind *yaml.TypeError
	var overflow *yaml.OverflowError
	switch {
	case errors.As(err, &overflow):
		return fmt.Sprintf("%s: want %s", overflow.SrcNum, wanted(overflow.DstType))
	case !errors.As(err, &kind):
		return err.GetMessage()
	case kind.GetToken() != nil && kind.SrcType.Kind() != reflect.Map && kind.SrcType.Kind() != reflect.Slice:
		return fmt.Sprintf("%q: want %s", kind.GetToken().Value, wanted(kind.DstType))
	}
	return "want " + wanted(kind.DstType)
}

// wanted says what is written for a type.
func wanted(t reflect.Type) string {
	switch k := t.Kind(); {
	case t == reflect.TypeFor[time.Duration]():
		return "a time with its unit, such as 90s"
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Uint8 && k <= reflect.Uint16:
		return fmt.Sprintf("a whole number, 0 to %d", 1<<t.Bits()-1)
	case k >= reflect.Int && k <= reflect.Uintptr:
		return "a whole number"
	case k == reflect.Slice:
		return "a list, as [ a, b ]"
	case k == reflect.Struct || k == reflect.Map:
		return "keys with their values, as { a: 1 }"
	}
	return "text"
}

// quoted finds the value in the message of a type that does not take it.
var quoted = regexp.MustCompile(`"([^"]+)"`)

// lineOfValue is the first line with the value that a message quotes: the YAML
// package does not say where values stood that types of other packages refuse.
func lineOfValue(text, message string) int {
	value := quoted.FindStringSubmatch(message)
	if value == nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if strings.Contains(line, value[1]) {
			return n
		}
	}
	return 0
}

// wrong is an error about the value at a path.
func (c *Config) wrong(path, format string, args ...any) error {
	return &Error{File: c.file, Line: c.line(path), Path: path, What: fmt.Sprintf(format, args...)}
}

// line is where the value at a path stands, or what is around it; 0 for not
// known.
func (c *Config) line(path string) int {
	for ; path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		p, err := yaml.PathString("$." + path)
		if err != nil {
			continue
		}
		node, err := p.ReadNode(strings.NewReader(string(c.fileBytes)))
		if err == nil && node != nil && node.GetToken() != nil {
			return node.GetToken().Position.Line
		}
	}
	return 0
}

// get returns a secret; empty if there is none.
func (s Secret) get() (string, error) {
	switch {
	case s.Value != "" && s.Env != "":
		return "", errors.New("value and env are both given: keep one")
	case s.Env == "":
		return s.Value, nil
	}
	v := os.Getenv(s.Env)
	if v == "" {
		return "", fmt.Errorf("the environment variable %s is empty: set it", s.Env)
	}
	return v, nil
}
