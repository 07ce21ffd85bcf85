package configfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corecast/corecast/cmd/corecast/configfile"
	"github.com/corecast/corecast/controller/config"
)

// Every example is what it is, and what it is not is told with the command that
// takes it.
func TestExamples(t *testing.T) {
	for name, want := range map[string]configfile.Kind{
		"fig2.yaml": configfile.OfController, "mapserver.yaml": configfile.OfController, "source.yaml": configfile.OfSource,
	} {
		path := filepath.Join("../../../examples", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := configfile.KindOf(text); got != want {
			t.Errorf("%s is of a %q, want %q", name, got, want)
		}
		_, asController := configfile.Controller(path)
		_, asSource := configfile.Source(path)
		right, wrong := asController, asSource
		if want == configfile.OfSource {
			right, wrong = asSource, asController
		}
		var problem *config.Error
		said := "is the configuration of a " + string(want) + "; run it with `corecast " + string(want) + " --config " + path + "`"
		if right != nil || !errors.As(wrong, &problem) || !strings.Contains(wrong.Error(), said) {
			t.Errorf("%s: %v as what it is, %v as what it is not", name, right, wrong)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, tt := range []struct {
		text string
		want configfile.Kind
	}{
		{"", configfile.Unclear},
		{"- a", configfile.Unclear},
		{"a: [", configfile.Unclear},
		{"nonsense: 1", configfile.Unclear},
		{"store: file:a.db", configfile.Unclear},
		{"listen: 127.0.0.1:8081", configfile.OfSource},
		{"listen: { http: 127.0.0.1:8080 }", configfile.OfController},
		{"listen: [ a ]", configfile.Unclear},
		{"channels: [ { name: news, input: film.ts } ]", configfile.OfSource},
		{"channels: [ { name: news, site: studio, ingress: { switch: itr, port: 1 } } ]", configfile.OfController},
		{"sites: [ { eid_prefixes: [10.0.0.0/8], rloc: 192.0.2.1 } ]", configfile.OfSource},
		{"sites: [ { name: studio, rlocs: [ { address: 192.0.2.1 } ] } ]", configfile.OfController},
		{"sitez: [ 1 ]\nswitches: []", configfile.OfController}, // a mistake more or less
		{"channels: [ { name: news, inputt: film.ts, loop: true } ]", configfile.OfSource},
	} {
		if got := configfile.KindOf([]byte(tt.text)); got != tt.want {
			t.Errorf("%q is of a %q, want %q", tt.text, got, tt.want)
		}
	}
}

// What is wrong with a file itself is told as it is.
func TestOtherMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "none.yaml"), "no such file"},
		{write("a.yaml", "channels: [ { name: news, udp_port: many } ]"), "a.yaml:1: "},
		{write("b.yaml", "listen: 127.0.0.1:8081\nchannels:\n  - name: news\n    inputt: film.ts"), "b.yaml:4: "},
	} {
		_, err := configfile.Source(tt.path)
		var problem *config.Error
		if !errors.As(err, &problem) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "Go struct") {
			t.Errorf("%s: %v, want %q", tt.path, err, tt.want)
		}
	}
}
