package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedTestsExist: what operations.md says is tested names its test, and
// that is there.
func TestDocumentedTestsExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## What happens when")
	table, _, _ = strings.Cut(table, "\n## ")
	names := regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllStringSubmatch(table, -1)
	if !found || len(names) < 10 {
		t.Fatalf("%d tests are named", len(names))
	}
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range names {
		if !there[m[1]] {
			t.Errorf("%s is no test", m[1])
		}
	}
}
