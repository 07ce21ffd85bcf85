package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// File is a Store in a bbolt file, which one process at a time may have open.
// Its one writer goroutine takes all transactions that wait for it into one
// write of the file: callers share the fsync.
type File struct {
	path    string
	schema  int // its number
	db      *bbolt.DB
	history *history
	leases  *deadlines
	jobs    chan *job     // to the writer; unbuffered: what was sent is done
	closing chan struct{} // closed by Close
	ended   chan struct{} // closed when the writer has ended
	once    sync.Once     // of Close
}

var _ Store = (*File)(nil)

// lockWait is how long OpenFile waits for another process to let go of the
// file: one that is being stopped needs a moment.
const lockWait = time.Second

// mapped is how much of the file has its place in memory from the start. Writes
// that grow it beyond wait for the readers of the moment.
const mapped = 1 << 28

// OpenFile opens the store in a file, and makes it (mode 0600) if there is none.
// Errors name the file and what to do.
func OpenFile(path string) (*File, error) { return openFile(path, known, false) }

// openFile opens a file with a schema; one as it is must be there, and stays of
// the schema that it has.
func openFile(path string, s schema, asIs bool) (*File, error) {
	isNew, err := private(path)
	if err == nil && isNew && asIs {
		err = errors.New("does not exist: name the file of a store")
	}
	if err != nil {
		return nil, fmt.Errorf("store %s %w", path, err)
	}
	db, err := openBolt(path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, openError(err))
	}
	f := &File{
		path: path, db: db, leases: newDeadlines(time.Now),
		jobs: make(chan *job), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	if err := errors.Join(f.load(s, asIs), syncDirectory(path, isNew)); err != nil {
		db.Close()
		return nil, fmt.Errorf("store %s %w", path, err)
	}
	go f.write()
	return f, nil
}

// private refuses a file that others may read: it holds what registers sites.
func private(path string) (isNew bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil || !info.Mode().IsRegular():
		return false, nil // opening it says what is wrong
	case info.Mode().Perm()&0o077 != 0:
		return false, fmt.Errorf("has mode %04o, so that others can use it: chmod 600 %s", info.Mode().Perm(), path)
	}
	return false, nil
}

// errDamaged is what bbolt panicked about.
var errDamaged = errors.New("the file is damaged")

// guarded calls bbolt, which trusts what it finds in a file: on a damaged one
// it panics, or reads behind its end.
func guarded(call func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return call()
}

func openBolt(path string) (db *bbolt.DB, err error) {
	var file *os.File
	err = guarded(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockWait, FreelistType: bbolt.FreelistMapType, InitialMmapSize: mapped,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		return err
	})
	if errors.Is(err, errDamaged) {
		file.Close() // and with it the lock
	}
	if err == nil {
		db.AllocSize = 1 << 20 // by which the file grows
	}
	return db, err
}

// openError says what to do about an error of bbolt.Open.
func openError(err error) error {
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return errors.New("another process has it open: stop that one (is a corecast controller running?) or name another file")
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("cannot be opened: %w: name a file in a directory that exists and that you may write", pe.Err)
	}
	return fmt.Errorf("is not a store, or damaged (%w): restore a backup or name another file", err)
}

// syncDirectory makes a new file's name durable.
func syncDirectory(path string, isNew bool) error {
	if !isNew {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// load checks the file, brings it to the schema, and takes from it what is kept
// in memory.
func (f *File) load(s schema, asIs bool) error {
	found := 0
	err := f.db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(f.path)
		if err == nil && info.Size() < tx.Size() {
			return fmt.Errorf("has %d bytes of %d: it is damaged; restore a backup or name another", info.Size(), tx.Size())
		}
		if meta := tx.Bucket(metaBucket); meta != nil {
			found, _ = schemaOf(meta) // format says what is wrong
		}
		return err
	})
	if err != nil {
		return err
	}
	if asIs && s.check(found) == nil {
		s = s[:found-1]
	}
	if asIs || found == s.number() {
		err = f.db.View(s.format) // and nothing is written
	} else {
		err = f.db.Update(s.format)
	}
	if err != nil {
		return err
	}
	f.schema = s.number()
	return f.db.View(func(tx *bbolt.Tx) error {
		b := bucketsOf(tx)
		f.history = newHistory(b.revision())
		return b.leases.ForEach(func(k, _ []byte) error {
			var id LeaseID
			for _, octet := range k {
				id = id<<8 | LeaseID(octet)
			}
			ttl, _ := b.ttl(id)
			f.leases.set(id, ttl)
			return nil
		})
	})
}

// Get implements Store.
func (f *File) Get(ctx context.Context, key string) (e Entry, err error) {
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}
	err = f.view(ctx, func(b buckets) error {
		var ok bool
		if e, ok, err = b.entry(key); err == nil && !ok {
			err = fmt.Errorf("%s: %w", key, ErrNotFound)
		}
		return err
	})
	return e, err
}

// List implements Store.
func (f *File) List(ctx context.Context, prefix, after string, limit int) (page Page, err error) {
	err = f.view(ctx, func(b buckets) error {
		page.Revision = b.revision()
		c := b.keys.Cursor()
		from := max(prefix, after)
		k, v := c.Seek([]byte(from))
		if after != "" && string(k) == after {
			k, v = c.Next()
		}
		for ; bytes.HasPrefix(k, []byte(prefix)) && k != nil; k, v = c.Next() {
			if limit > 0 && len(page.Entries) == limit {
				page.More = true
				return nil
			}
			e, err := decodeEntry(k, v)
			if err != nil {
				return err
			}
			page.Entries = append(page.Entries, e)
		}
		return nil
	})
	return page, err
}

// Snapshot implements Store.
func (f *File) Snapshot(ctx context.Context, read func(Revision, iter.Seq2[Entry, error]) error) error {
	return f.view(ctx, func(b buckets) error {
		return read(b.revision(), func(yield func(Entry, error) bool) {
			c := b.keys.Cursor()
			for k, v := c.First(); k != nil; k, v = c.Next() {
				e, err := decodeEntry(k, v)
				if err == nil {
					err = ctx.Err()
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		})
	})
}

// view reads, in a transaction of its own.
func (f *File) view(ctx context.Context, read func(buckets) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := guarded(func() error {
		return f.db.View(func(tx *bbolt.Tx) error { return read(bucketsOf(tx)) })
	})
	switch {
	case errors.Is(err, bbolterrors.ErrDatabaseNotOpen):
		return fmt.Errorf("store %s: %w", f.path, ErrClosed)
	case errors.Is(err, errDamaged):
		return fmt.Errorf("store %s: %w: restore a backup or name another file", f.path, err)
	}
	return err
}

// Watch implements Store.
func (f *File) Watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Change, error] {
	return f.history.watch(ctx, prefix, after)
}

// Close implements Store.
func (f *File) Close() error {
	var err error
	f.once.Do(func() {
		close(f.closing)
		<-f.ended
		f.history.close()
		err = f.db.Close()
	})
	return err
}
