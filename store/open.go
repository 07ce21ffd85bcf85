package store

import (
	"context"
	"fmt"
	"strings"
)

// Open opens what the configuration's store: names: "file:PATH", or
// "etcd://HOST:PORT,…/PREFIX".
func Open(ctx context.Context, name string) (Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(name, "file:"); ok && path != "" {
		f, err := OpenFile(path)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	if strings.HasPrefix(name, "etcd://") {
		return nil, fmt.Errorf(`store %s: etcd is not built yet: use "file:PATH" on one node`, name)
	}
	return nil, fmt.Errorf(`store %q: want "file:PATH", such as "file:corecast.db"`, name)
}
