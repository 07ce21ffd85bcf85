package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/northbound/client"
)

// A controller that refuses some things gives a bundle all the same, that says so.
func TestWrite(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/switches") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"detail": "nobody may do this"}`)
			return
		}
		_, _ = io.WriteString(w, `{"items": []}`)
	}))
	defer server.Close()
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	failed := map[string]bool{}
	if err := Write(t.Context(), &archive, c, time.Now(), func(name string, err error) { failed[name] = err != nil }); err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(&archive)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for r := tar.NewReader(zip); ; files++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		text, err2 := io.ReadAll(r)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		name := strings.TrimPrefix(h.Name, "corecast/")
		if strings.HasSuffix(name, ".json") && !json.Valid(text) {
			t.Errorf("%s: %s", name, text)
		}
		if refused := name == "switches.json"; failed[name] != refused || refused && !strings.Contains(string(text), "nobody may do this") {
			t.Errorf("%s: failed %v: %s", name, failed[name], text)
		}
	}
	if files != len(parts) {
		t.Errorf("%d files, want %d", files, len(parts))
	}
}
