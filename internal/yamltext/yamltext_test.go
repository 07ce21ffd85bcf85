package yamltext

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const limit = 10_000
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "a: [1, {b: 2}]", ""},
		{"byte order mark", "\ufeffa: 1", ""},
		{"binary", "\x7fELF\x02\x01\x00", "UTF-8"},
		{"UTF-16", "\xff\xfea\x00", "UTF-8"},
		{"brackets", strings.Repeat("[", maxOpen+1), "too deep"},
		{"brackets in turn", strings.Repeat("[]", maxOpen+1), ""},
		{"long", strings.Repeat("#", limit+1), "too long"},
	} {
		text, err := Check([]byte(tt.text), limit)
		switch {
		case tt.want == "" && (err != nil || !strings.HasSuffix(tt.text, string(text)) || strings.HasPrefix(string(text), "\ufeff")):
			t.Errorf("%s: %q, %v", tt.name, text, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if data, err := Read("/dev/zero", limit); err != nil || len(data) != limit+1 {
		t.Errorf("a file without end: %d bytes, %v", len(data), err)
	}
}
