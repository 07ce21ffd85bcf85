package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced   = regexp.MustCompile("(?s)```.*?```")
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	linked   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	unmarked = regexp.MustCompile(`[^\w\- ]`)
)

// anchor is the fragment that leads to a heading.
func anchor(title string) string {
	return strings.ReplaceAll(unmarked.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// TestLinks: what the documents link to is there, file and heading.
func TestLinks(t *testing.T) {
	const root = "../.."
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = fenced.ReplaceAllString(string(text), "")
		return err
	})
	if err != nil || len(texts) < 20 {
		t.Fatalf("%d documents: %v", len(texts), err)
	}
	links := 0
	for from, text := range texts {
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			name, fragment, _ := strings.Cut(m[1], "#")
			to := from
			if name != "" {
				to = filepath.Join(filepath.Dir(from), name)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", from, m[1])
				continue
			}
			if target, ok := texts[to]; ok && fragment != "" && !hasHeading(target, fragment) {
				t.Errorf("%s links to %s: there is no such heading", from, m[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("%d links were found", links)
	}
}

func hasHeading(text, fragment string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		if anchor(m[1]) == fragment {
			return true
		}
	}
	return false
}
