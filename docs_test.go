package corecast_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every package is in the drawing of docs/architecture.md, but for those that
// serve the tests of one other package.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "## The packages")
	_, rest, _ = strings.Cut(rest, "```\n")
	drawing, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("docs/architecture.md has no drawing of the packages")
	}
	named := map[string]bool{}
	for _, word := range regexp.MustCompile(`[a-z0-9/]+`).FindAllString(drawing, -1) {
		named[word] = true
	}
	for dir := range packages(t) {
		own := strings.HasSuffix(dir, "test") && path.Dir(dir) != "." || dir == "mapserver/interop"
		if !own && !named[dir] && !named[path.Base(dir)] {
			t.Errorf("docs/architecture.md does not name %s: add it to the drawing", dir)
		}
	}
}

// Links between files lead to files, and to headings that are there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	links := 0
	for name, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, heading, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // elsewhere
			}
			links++
			file := name
			if target != "" {
				file = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.FromSlash(file)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			} else if heading != "" && !anchors(t, file)[heading] {
				t.Errorf("%s links to %s: there is no such heading", name, m[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("found %d links: is this the module's root?", links)
	}
}

// pages returns every Markdown file of the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".md" {
			return err
		}
		text, err := os.ReadFile(filepath.FromSlash(name))
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// anchors are the headings of a page, as links name them.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		all[strings.ReplaceAll(drop.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}
