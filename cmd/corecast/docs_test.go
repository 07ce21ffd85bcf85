package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDocumentedCommands runs what the documentation shows in console blocks,
// beside a controller with examples/mapserver.yaml and two xTRs, one of which had
// the wrong secret at first. In what is shown … stands for anything.
func TestDocumentedCommands(t *testing.T) {
	if !hasIPv6() {
		t.Skip("the documents show IPv6 addresses")
	}
	b := documentedController(t)
	for _, doc := range []string{"operations.md", "rest.md", "troubleshooting.md"} {
		t.Run(doc, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../../docs", doc))
			if err != nil {
				t.Fatal(err)
			}
			sessions := sessionsOf(string(text))
			if len(sessions) < 2 {
				t.Fatalf("%d commands", len(sessions))
			}
			for _, s := range sessions {
				out, err := b.execute(t, s.command)
				// What is told follows what was done, a moment later.
				for deadline := time.Now().Add(startLimit); s.asks() && !s.matches(out) && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
					out, err = b.execute(t, s.command)
				}
				if err != nil {
					t.Errorf("$ %s\n%s%v", s.command, out, err)
				}
				if !s.matches(out) {
					t.Errorf("$ %s\nprints\n%s\nbut %s shows\n%s", s.command, out, doc, s.output)
				}
			}
		})
	}
}

// session is a command of a document with the output shown.
type session struct{ command, output string }

var consoleBlock = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

func sessionsOf(text string) []session {
	var list []session
	for _, block := range consoleBlock.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				list = append(list, session{command: strings.TrimSpace(command)})
			} else if len(list) > 0 {
				list[len(list)-1].output += line
			}
		}
	}
	return list
}

// asks reports whether a session changes nothing, so that it can be repeated.
func (s *session) asks() bool {
	return strings.HasPrefix(s.command, "curl ") && (!strings.Contains(s.command, " -X ") || strings.Contains(s.command, "dry_run=true"))
}

// matches compares what is not space: documents break lines where they like.
func (s *session) matches(out string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.Join(strings.Fields(s.output), "")), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(strings.Join(strings.Fields(out), ""))
}

// documentedController is what the documents ask.
func documentedController(t *testing.T) *background {
	t.Helper()
	example, err := os.ReadFile("../../examples/mapserver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := strings.NewReplacer(":4342", ":0", ":8080", ":0").Replace(string(example))
	if err := os.WriteFile(filepath.Join(dir, "mapserver.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := startController(dir, "mapserver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.end(os.Interrupt); err != nil {
			t.Error(err)
		}
	})
	studio, viewers := newXTRAddress(), newXTRAddress()
	b.documented = strings.NewReplacer(studio, "127.79.0.1", viewers, "127.79.0.2")
	if err := registerAs(studio, b.lisp, 1, "a typing error", "10.0.0.0/16", "192.0.2.10"); err == nil {
		t.Fatal("a wrong secret was accepted")
	}
	for _, err := range []error{
		registerAs(studio, b.lisp, 1, "change me", "10.0.0.0/16", "192.0.2.10"),
		registerAs(viewers, b.lisp, 0, "change me too", "[7]10.1.2.0/24", "192.0.2.21"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// execute runs a command of a document against the controller, and returns what
// it prints with the addresses of the document.
func (b *background) execute(t *testing.T, command string) (string, error) {
	t.Helper()
	words := shellWords(command)
	var out []byte
	var err error
	switch {
	case words[0] == "curl" && words[1] == "-s":
		out, err = b.curl(words[2:])
	case words[0] == "corecast" && words[1] == "lig":
		out, err = exec.Command("corecast", append(words[1:], "--resolver", b.lisp)...).CombinedOutput()
	case words[0] == "corecast" && slices.Contains(words, "--config"): // asks no controller
		cmd := exec.Command("corecast", words[1:]...)
		cmd.Dir = "../.."
		out, err = cmd.CombinedOutput()
	case words[0] == "corecast":
		out, err = exec.Command("corecast", append(words[1:], "--server", b.rest)...).CombinedOutput()
	default:
		return "", fmt.Errorf("this test cannot run %q", command)
	}
	return b.documented.Replace(ourPorts.ReplaceAllString(string(out), "$1:4342")), err
}

// ourPorts are those that the Map-Server was given by the system.
var ourPorts = regexp.MustCompile(`(127\.0\.0\.1|\[::1\]):\d+`)

// shellWords splits a command at spaces that are not in single quotes.
func shellWords(command string) []string {
	var words []string
	for _, word := range regexp.MustCompile(`(?:[^\s']|'[^']*')+`).FindAllString(command, -1) {
		words = append(words, strings.ReplaceAll(word, "'", ""))
	}
	return words
}

// curl does what curl does with the few options that documents use.
func (b *background) curl(words []string) ([]byte, error) {
	method, body, header := http.MethodGet, "", http.Header{}
	for len(words) > 1 {
		switch words[0] {
		case "-X":
			method = words[1]
		case "-H":
			name, value, _ := strings.Cut(words[1], ": ")
			header.Set(name, value)
		case "--json":
			body = words[1]
			header.Set("Content-Type", "application/json")
		default:
			return nil, fmt.Errorf("this test does not know curl's %s", words[0])
		}
		words = words[2:]
	}
	r, err := http.NewRequest(method, b.rest+strings.TrimPrefix(words[0], "http://127.0.0.1:8080"), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
