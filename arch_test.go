package corecast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

const module = "github.com/corecast/corecast"

// mayImport says, for the packages below each directory, which directories of
// ours they may import besides their own. The longest matching entry counts.
// docs/architecture.md draws it.
var mayImport = map[string][]string{
	"wire":            {},
	"lisp":            {},
	"p4/build":        {},
	"softswitch":      {},
	"controller/p4rt": {"wire", "lisp"},
	"store":           {"wire", "lisp"},
	"controller":      {"internal", "controller/p4rt", "store", "wire", "lisp", "p4/build"},
	"mapserver":       {"store", "wire", "lisp"},
	"source":          {"internal", "store", "wire", "lisp"},
	"plan":            {"wire", "lisp"},
	"northbound":      {"controller", "mapserver", "source", "plan", "store", "wire", "lisp", "p4/build"},
	"internal":        {},
	"bmv2test":        {"internal", "softswitch", "controller", "source", "wire", "lisp", "p4/build"},
	"bench":           {"softswitch", "mapserver", "source", "store", "wire", "lisp", "p4/build"},
	"demo":            {"bmv2test", "softswitch", "northbound", "controller", "mapserver", "source", "plan", "store", "wire", "lisp", "p4/build"},
	"cmd":             {"bench", "demo", "bmv2test", "softswitch", "northbound", "controller", "mapserver", "source", "plan", "store", "wire", "lisp", "p4/build"},
}

// onlyFrom names outside packages that one place alone may import, and why.
var onlyFrom = []struct{ pkg, from, why string }{
	{"github.com/antoninbas/p4runtime-go-client", "controller/p4rt", "its defects are worked around there and nowhere else"},
	{"github.com/spf13/cobra", "cmd", "commands hold no logic, and logic no commands"},
}

func TestImportsPointDown(t *testing.T) {
	files := parseAll(t, parser.ImportsOnly)
	for name, file := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue // tests may bring what they compare with
		}
		dir := path.Dir(name)
		rule, allowed, found := ruleFor(dir)
		if !found {
			t.Errorf("%s: no import rule for %s: add one to mayImport", name, dir)
			continue
		}
		for _, spec := range file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			for _, o := range onlyFrom {
				if under(imported, o.pkg) && !under(dir, o.from) {
					t.Errorf("%s imports %s, which only %s may: %s", name, imported, o.from, o.why)
				}
			}
			ours, isOurs := strings.CutPrefix(imported, module+"/")
			if !isOurs || under(ours, rule) && ruleName(ours) == rule {
				continue
			}
			if !anyAbove(ours, allowed) {
				t.Errorf("%s imports %s: packages of %s may import %v only", name, ours, rule, allowed)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for dir, documented := range packages(t) {
		if !documented {
			t.Errorf("package in %s has no doc comment: say what it owns and what it promises", dir)
		}
	}
}

// packages returns the directory of every package but this one, and whether it
// has a doc comment.
func packages(t *testing.T) map[string]bool {
	t.Helper()
	documented := map[string]bool{}
	for name, file := range parseAll(t, parser.ParseComments|parser.PackageClauseOnly) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		dir := path.Dir(name)
		documented[dir] = documented[dir] || file.Doc != nil && len(file.Doc.Text()) > 40
	}
	return documented
}

// ruleFor returns the longest entry of mayImport that covers dir.
func ruleFor(dir string) (name string, allowed []string, found bool) {
	name = ruleName(dir)
	allowed, found = mayImport[name]
	return name, allowed, found
}

func ruleName(dir string) string {
	best := ""
	for name := range mayImport {
		if under(dir, name) && len(name) > len(best) {
			best = name
		}
	}
	return best
}

func under(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

func anyAbove(dir string, roots []string) bool {
	for _, root := range roots {
		if under(dir, root) {
			return true
		}
	}
	return false
}

// parseAll parses every Go file of the module but those of this directory.
func parseAll(t *testing.T, mode parser.Mode) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	fset := token.NewFileSet()
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || path.Dir(name) == ".":
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, mode)
		if err != nil {
			return err
		}
		files[name] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files: is this the module's root?", len(files))
	}
	return files
}
