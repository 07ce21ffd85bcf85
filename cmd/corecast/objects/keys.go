package objects

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/configfile"
)

// body is the JSON of the keys that the file and the arguments give.
func (f *writeFlags) body(stdin io.Reader, method string, args []string) ([]byte, error) {
	if method == http.MethodDelete {
		return nil, nil
	}
	keys := map[string]any{}
	if f.file != "" {
		text, err := configfile.Text(stdin, f.file)
		if err != nil {
			return nil, cli.Usagef("--file: %w", err)
		}
		if err := yaml.Unmarshal(text, &keys); err != nil {
			return nil, cli.Usagef("--file %w", configfile.Unreadable(f.file, err))
		}
	}
	for _, a := range args[1:] {
		if err := assign(keys, a); err != nil {
			return nil, err
		}
	}
	if method == http.MethodPut {
		keys["name"] = args[0]
	}
	return json.Marshal(keys)
}

// assign puts what KEY=VALUE says into keys. KEY= is null, which a merge patch
// takes out.
func assign(keys map[string]any, text string) error {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return cli.Usagef("%q: want KEY=VALUE, as redundancy=16 or ingress.port=1", text)
	}
	var v any
	if value != "" {
		if err := yaml.Unmarshal([]byte(value), &v); err != nil {
			return cli.Usagef("%q: the value is no YAML: %s", text, configfile.Syntax(err))
		}
	}
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := keys[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			keys[name] = inner
		}
		keys = inner
	}
	keys[names[len(names)-1]] = v
	return nil
}
