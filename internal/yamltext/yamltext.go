// Package yamltext stands between files, which may be anything, and a YAML parser,
// which takes any bytes for text and needs time that grows with the square of the
// depth. It promises that what it lets through costs no more than its size.
package yamltext

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// Error is why a text is not given to a parser.
type Error struct{ What, Fix string }

func (e *Error) Error() string { return e.What + ": " + e.Fix }

// maxOpen bounds brackets without their other half; some may be in texts.
const maxOpen = 1000

// byteOrderMark is what some editors put in front of UTF-8.
var byteOrderMark = []byte("\ufeff")

// Read reads a file, and of one that is longer than limit bytes, or has no end, as
// much as shows that to Check.
func Read(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}

// Check returns what of data may be given to a YAML parser, or an *Error.
func Check(data []byte, limit int) ([]byte, error) {
	text := bytes.TrimPrefix(data, byteOrderMark)
	switch {
	case len(text) > limit:
		return nil, &Error{"is too long", fmt.Sprintf("give a file of at most %d bytes", limit)}
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return nil, &Error{"is not text in UTF-8", "give a YAML file"}
	case deepest(text) > maxOpen:
		return nil, &Error{"is nested too deep", "see the examples"}
	}
	return text, nil
}

// deepest is how many brackets are open at most.
func deepest(text []byte) int {
	open, most := 0, 0
	for _, b := range text {
		switch b {
		case '[', '{':
			open++
			most = max(most, open)
		case ']', '}':
			open--
		}
	}
	return most
}
