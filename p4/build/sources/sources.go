// Package sources hashes the P4 sources, so that committed compiler output can
// say which sources it was made from.
package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// Sum returns the SHA-256, in hex, over the names and contents of all .p4 and
// .h files below dir, in the order of their names. It is an error if there are
// none.
func Sum(dir string) (string, error) {
	var names []string
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(name); err == nil && !d.IsDir() && (ext == ".p4" || ext == ".h") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("no P4 sources (*.p4, *.h) below %s", dir)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
