package lisp_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The examples of the documentation are vectors of the same names.
func TestDocumentation(t *testing.T) {
	const name = "../docs/wire-format.md"
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(doc), "\n```bytes ")[1:]
	if len(blocks) == 0 {
		t.Fatalf("%s has no example of a control message", name)
	}
	for _, block := range blocks {
		title, rest, _ := strings.Cut(block, "\n")
		body, _, closed := strings.Cut(rest, "\n```")
		if got := unhex(t, hexDigits(body)); !closed || !bytes.Equal(got, vector(t, title)) {
			t.Errorf("%s: block %q is not testdata/%s.hex", name, title, title)
		}
	}
}
