package store

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WriteBackup writes all that a store holds at one revision to w, and says what it
// was: all but leased entries, which belong to processes that renew the lease, and
// those under the prefixes except. A file that it fails to write to the end is no
// backup, and says so when it is read. w must not be slow: see Snapshot.
func WriteBackup(ctx context.Context, s Store, w io.Writer, except ...string) (Backup, error) {
	info := Backup{Schema: schemaNumber(s), Time: time.Now().UTC().Truncate(time.Second)}
	err := s.Snapshot(ctx, func(at Revision, entries iter.Seq2[Entry, error]) error {
		info.Revision = at
		b, err := newBackupWriter(w, info)
		if err != nil {
			return err
		}
		under := func(e Entry) bool {
			return slices.ContainsFunc(except, func(prefix string) bool { return strings.HasPrefix(e.Key, prefix) })
		}
		for e, err := range entries {
			switch {
			case err != nil:
			case e.Lease != 0 || under(e):
				b.LeftOut++
			default:
				err = b.add(e)
			}
			if err != nil {
				return err
			}
		}
		info = b.Backup
		return b.end()
	})
	return info, err
}

// schemaNumber is that of an open store.
func schemaNumber(s Store) int {
	switch s := s.(type) {
	case *File:
		return s.schema
	case *Etcd:
		n, _ := strconv.Atoi(s.schema) // it is open
		return n
	}
	return known.number()
}

// ReadBackup reads a backup to its end and says what is in it, or what is wrong
// with it.
func ReadBackup(r io.Reader) (Backup, error) {
	b, err := newBackupReader(r)
	if err != nil {
		return Backup{}, err
	}
	for more := true; more; {
		if _, more, err = b.next(); err != nil {
			return Backup{}, err
		}
	}
	return b.Backup, nil
}

// Restore puts what is in a backup into the store of a name, which must be empty:
// unless replace is true, when it takes the place of all that is there. The store
// must not be in use. A backup that is damaged changes nothing. If a restore is
// interrupted, a file is as it was before, and etcd refuses to be opened until a
// restore came to its end.
func Restore(ctx context.Context, name string, backup io.ReadSeeker, replace bool) (Backup, error) {
	if err := Check(name); err != nil {
		return Backup{}, fmt.Errorf("store %w: write %s", err, Form)
	}
	info, err := ReadBackup(backup)
	if err == nil {
		err = known.check(info.Schema)
	}
	if err == nil {
		_, err = backup.Seek(0, io.SeekStart)
	}
	if err != nil {
		return Backup{}, fmt.Errorf("the backup: %w", err)
	}
	if path, ok := cutFile(name); ok {
		return info, restoreFile(ctx, path, backup, info, replace)
	}
	return info, restoreEtcd(ctx, name, backup, replace)
}

// restored yields what a backup holds, in transactions, brought to the schema.
func restored(r io.Reader, schema schema) iter.Seq2[[]Op, error] {
	return func(yield func([]Op, error) bool) {
		b, err := newBackupReader(r)
		if err == nil {
			err = schema.check(b.Schema)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		var ops []Op
		for {
			e, more, err := b.next()
			var now []Entry
			if err == nil && more {
				now, err = schema.upgrade(b.Schema, e)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range now {
				ops = append(ops, Op{Key: e.Key, Value: e.Value})
				if n := fitting(ops); n < len(ops) {
					if !yield(ops[:n], nil) {
						return
					}
					ops = append([]Op(nil), ops[n:]...)
				}
			}
			if !more {
				if len(ops) > 0 {
					yield(ops, nil)
				}
				return
			}
		}
	}
}
