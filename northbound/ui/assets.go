package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// vendored holds others' files, unchanged, with their licences: htmx 4.0.1 and
// its extension for server-sent events, and uPlot 1.6.32.
//
//go:embed static vendored
var staticFiles embed.FS

// assets are the files that pages refer to. Their URLs change with their
// content, so that browsers may keep them.
type assets struct {
	files map[string]file // by name
}

type file struct {
	content []byte
	version string
}

func newAssets() *assets {
	a := &assets{files: map[string]file{}}
	for _, dir := range []string{"static", "vendored"} {
		entries, err := fs.ReadDir(staticFiles, dir)
		if err != nil {
			panic(err) // a fault of the build
		}
		for _, e := range entries {
			content, err := fs.ReadFile(staticFiles, path.Join(dir, e.Name()))
			if err != nil {
				panic(err) // a fault of the build
			}
			sum := sha256.Sum256(content)
			a.files[e.Name()] = file{content, hex.EncodeToString(sum[:6])}
		}
	}
	return a
}

// url is where a file is; templates name it.
func (a *assets) url(name string) string {
	f, ok := a.files[name]
	if !ok {
		panic(fmt.Sprintf("a template refers to %s, which is not embedded", name))
	}
	return "/static/" + name + "?v=" + f.version
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	f, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("v") == f.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.content)) // the type follows from the name
}
