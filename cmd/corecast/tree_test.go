package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/corecast/corecast/controller/config"
)

// commandsOf are all commands that a user finds, those without others below them
// and those that do something of their own beside.
func commandsOf(t testing.TB) []*cobra.Command {
	t.Helper()
	var list []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() || below.Name() == "help" {
				list = append(list, below)
				walk(below)
			}
		}
	}
	walk(newRootCommand())
	if len(list) < 40 {
		t.Fatalf("%d commands", len(list))
	}
	return list
}

// isFamily reports whether a command only has others below it.
func isFamily(c *cobra.Command) bool { return c.HasSubCommands() && c.Name() != "switch" }

// commandOfExample cuts off what a shell does with a command's output.
var commandOfExample = regexp.MustCompile(`^  (corecast .*?)( \| .*| && .*| >.*)?$`)

// examplesOf are the words of the examples in the help of a command, without
// corecast itself.
func examplesOf(t testing.TB, c *cobra.Command) (list [][]string) {
	t.Helper()
	for line := range strings.Lines(c.Example) {
		m := commandOfExample.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Errorf("%s: an example is %q", c.CommandPath(), line)
			continue
		}
		list = append(list, shellWords(m[1])[1:])
	}
	return list
}

// asksController reports whether a command asks a controller.
func asksController(c *cobra.Command) bool { return c.Flags().Lookup("server") != nil }

// runInside runs a command in this process.
func runInside(t testing.TB, words ...string) error {
	t.Helper()
	root := newRootCommand()
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	root.SetArgs(words)
	return root.ExecuteContext(t.Context())
}

// Every command says what it does, and has an example that it takes.
func TestHelp(t *testing.T) {
	for _, c := range commandsOf(t) {
		ours := c.Name() != "help" && (!c.HasParent() || c.Parent().Name() != "completion")
		if c.Short == "" || ours && !isFamily(c) && c.Example == "" {
			t.Errorf("%s: its help lacks what it does, or an example", c.CommandPath())
		}
		for _, words := range examplesOf(t, c) {
			found, rest, err := newRootCommand().Find(words)
			if err != nil || found.CommandPath() != c.CommandPath() {
				t.Errorf("%s: the example %q is of another command: %v", c.CommandPath(), words, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), words, err)
			} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), words, err)
			}
			for _, word := range words {
				if _, err := os.Stat(filepath.Join("../..", word)); strings.HasPrefix(word, "examples/") && err != nil {
					t.Errorf("%s: %v", c.CommandPath(), err)
				}
			}
		}
	}
}

// Wrong use of any command is status 2.
func TestWrongUse(t *testing.T) {
	anything := []string{"corecast doctor"} // takes any words
	for _, c := range commandsOf(t) {
		path := strings.Fields(c.CommandPath())[1:]
		for _, extra := range [][]string{{"--no-such-flag"}, {"x", "y", "z", "u", "v"}} {
			if slices.Contains(anything, c.CommandPath()) && extra[0] == "x" {
				continue
			}
			if err := runInside(t, slices.Concat(path, extra)...); err == nil || exitCode(err) != exitUsage {
				t.Errorf("%s %q: %v, which is not wrong use", c.CommandPath(), extra, err)
			}
		}
	}
}

// With no controller there, each command that wants one names the address that it
// tried and what to do; status 1.
func TestNoController(t *testing.T) {
	const nowhere = "http://127.0.0.1:1"
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"channels.yaml": "channels: [ { name: news, site: studio, ingress: { switch: itr, port: 1 } } ]",
		"itr.yaml":      "address: 127.0.0.1:9559",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tried := 0
	for _, c := range commandsOf(t) {
		if !asksController(c) {
			continue
		}
		for _, words := range examplesOf(t, c) {
			if slices.Contains(words, "--config") {
				continue
			}
			tried++
			err := runInside(t, append(words, "--server", nowhere)...)
			if err == nil || exitCode(err) != exitFailed || !strings.HasPrefix(err.Error(), "no controller answers at "+nowhere+": ") ||
				!strings.Contains(err.Error(), "start it with `corecast controller --config FILE`") {
				t.Errorf("corecast %q: %v", words, err)
			}
		}
	}
	if tried < 20 {
		t.Errorf("%d commands ask a controller", tried)
	}
}

// What an empty controller has is valid JSON, and in tables a line that says what
// would be there.
func TestNothingToShow(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "empty.yaml"), []byte(`listen: { http: "127.0.0.1:0", lisp: ["127.0.0.1:0"] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := startController(dir, "empty.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.end(os.Interrupt) })
	shown := 0
	for _, c := range commandsOf(t) {
		all := slices.Contains([]string{"list", "mapping", "status", "events"}, c.Name())
		if !all || !asksController(c) {
			continue
		}
		shown++
		words := append(strings.Fields(c.CommandPath())[1:], "--server", b.rest)
		out, err := exec.Command("corecast", append(words, "--json")...).Output()
		if valid := json.Valid(out) || c.Name() == "events" && len(out) == 0; err != nil || !valid {
			t.Errorf("corecast %q --json: %v\n%s", words, err, out)
		}
		if c.Flags().Lookup("output") == nil {
			continue
		}
		for _, form := range []string{"table", "wide"} {
			out, err := exec.Command("corecast", append(words, "-o", form)...).Output()
			if err != nil || !strings.HasPrefix(string(out), "no ") || strings.Count(string(out), "\n") != 1 {
				t.Errorf("corecast %q -o %s: %v\n%s", words, form, err, out)
			}
		}
		if c.Flags().Lookup("watch") == nil {
			t.Errorf("%s has no --watch", c.CommandPath())
		}
	}
	if shown < 6 {
		t.Errorf("%d commands show something", shown)
	}
}

// Every command has a man page.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if err := runInside(t, "man", dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range commandsOf(t) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		text, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if c.Name() != "help" && (err != nil || !strings.Contains(string(text), "SYNOPSIS")) {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for status, err := range map[int]error{
		exitFailed:      os.ErrNotExist,
		exitUsage:       runInside(t, "status", "now"),
		config.ExitCode: &config.Error{Problems: []config.Problem{{What: "wrong"}}},
	} {
		if got := exitCode(err); got != status {
			t.Errorf("%v: status %d, want %d", err, got, status)
		}
	}
}

// examplesCommand runs, in a script that has the network of the examples, the
// examples of all commands that ask a controller, but those that make, delete or
// follow:
//
//	examples
func examplesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 || ts.Getenv("REST") == "" {
		ts.Fatalf("usage: examples, after controller")
	}
	t := ts.Value(testingKey{}).(testing.TB)
	ran := 0
	for _, c := range commandsOf(t) {
		if !asksController(c) || c.Name() == "create" || c.Name() == "delete" {
			continue
		}
		for _, words := range examplesOf(t, c) {
			if slices.ContainsFunc(words, func(w string) bool { return w == "--follow" || strings.HasPrefix(w, "/etc/") }) {
				continue
			}
			words = slices.DeleteFunc(words, func(w string) bool { return w == "--watch" })
			cmd := exec.Command("corecast", append(words, "--server", ts.Getenv("REST"))...)
			cmd.Dir = ts.MkAbs(".")
			if out, err := cmd.CombinedOutput(); err != nil {
				ts.Fatalf("corecast %q: %v\n%s", words, err, out)
			}
			ran++
		}
	}
	if ran < 15 {
		ts.Fatalf("%d examples", ran)
	}
}
