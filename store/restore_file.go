package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// restoreFile makes a new file beside the store's, which takes its place when it
// is whole.
func restoreFile(ctx context.Context, path string, backup io.Reader, info Backup, replace bool) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		before, err := OpenFile(path) // and holds it, so that no controller does
		if err != nil {
			return err
		}
		defer before.Close()
		if err := mayReplace(ctx, before, "file:"+path, replace); err != nil {
			return err
		}
	}
	unfinished := path + ".restoring"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := OpenFile(unfinished)
	if err != nil {
		return err
	}
	err = errors.Join(f.fill(ctx, backup, info.Revision), f.Close())
	if err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return syncDirectory(path, true)
}

// together is how many transactions of a restore share an fsync.
const together = 32

// fill puts a backup into an empty file. Its revisions come after those of the
// backup, so that none that somebody remembers names something else now.
func (f *File) fill(ctx context.Context, backup io.Reader, after Revision) error {
	err := f.db.Update(func(tx *bbolt.Tx) error { return bucketsOf(tx).setNumber(revisionKey, uint64(after)) })
	if err != nil {
		return fmt.Errorf("store %s: %w", f.path, err)
	}
	f.history.forget(after)
	var batch []Op
	n := 0
	for ops, err := range restored(backup, known) {
		if err != nil {
			return err
		}
		batch = append(batch, ops...)
		if n++; n%together == 0 {
			if _, err := f.commitLarge(ctx, Txn{Then: batch}); err != nil {
				return err
			}
			batch = nil
		}
	}
	_, err = f.commitLarge(ctx, Txn{Then: batch})
	return err
}

// mayReplace refuses to restore over something, unless it is to be replaced.
func mayReplace(ctx context.Context, s Store, name string, replace bool) error {
	page, err := s.List(ctx, "", "", 1)
	switch {
	case err != nil:
		return err
	case len(page.Entries) == 0:
		return nil
	case !replace:
		return fmt.Errorf("store %s is not empty: it holds %q, for one: name another, or replace all that it holds with --force", name, page.Entries[0].Key)
	}
	return nil
}
