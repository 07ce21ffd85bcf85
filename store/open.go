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
	if err := Check(name); err != nil {
		return nil, fmt.Errorf("store %w: write %s", err, Form)
	}
	// A nil *File would be no nil Store.
	if path, ok := cutFile(name); ok {
		f, err := OpenFile(path)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	s, err := OpenEtcd(ctx, name)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenAsIs opens a store that is there already, and leaves it of the schema that
// it has, which may be an older one: to back it up.
func OpenAsIs(ctx context.Context, name string) (Store, error) {
	if err := Check(name); err != nil {
		return nil, fmt.Errorf("store %w: write %s", err, Form)
	}
	if path, ok := cutFile(name); ok {
		f, err := openFile(path, known, true)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	s, err := openEtcd(ctx, name, known, true)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Form is how the name of a store is written.
const Form = `"file:PATH", such as "file:corecast.db", or "etcd://HOST:2379,HOST:2379/PREFIX"`

// Check says what is wrong with a name that Open would refuse whatever there is
// behind it. It opens nothing.
func Check(name string) error {
	path, isFile := cutFile(name)
	switch {
	case isFile && path != "":
		return nil
	case strings.HasPrefix(name, "etcd://"):
		_, err := parseEtcdURL(name)
		return err
	}
	return fmt.Errorf("%q is no store", name)
}

// cutFile returns the path that a name is of, if it is one of a file.
func cutFile(name string) (path string, ok bool) { return strings.CutPrefix(name, "file:") }
