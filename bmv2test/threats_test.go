package bmv2test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threatTable is where tables say which test shows what.
const threatTable = "../docs/security-dataplane.md"

// TestThreatTable checks that every test that the threat table names exists.
func TestThreatTable(t *testing.T) {
	text, err := os.ReadFile(threatTable)
	if err != nil {
		t.Fatal(err)
	}
	known := testNames(t)
	for _, sc := range scenarios() {
		known[sc.Name] = true
	}
	quoted := regexp.MustCompile("`[^`]+`")
	named, shown := 0, false // shown: the table at hand has a column "shown by"
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			shown = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		last := strings.TrimSpace(cells[len(cells)-1])
		if last == "shown by" {
			shown = true
			continue
		}
		if !shown || strings.HasPrefix(last, "---") {
			continue
		}
		names := quoted.FindAllString(last, -1)
		if len(names) == 0 {
			t.Errorf("%s:%d: no test shows this: %s", threatTable, n+1, line)
		}
		for _, name := range names {
			if named++; !known[strings.Trim(name, "`")] {
				t.Errorf("%s:%d: there is no test %s", threatTable, n+1, name)
			}
		}
	}
	if named == 0 {
		t.Errorf("%s names no test", threatTable)
	}
}

// testNames returns the names of the Go tests of this package and those below.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, pattern := range []string{"*_test.go", "*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllSubmatch(source, -1) {
				names[string(m[1])] = true
			}
		}
	}
	return names
}
