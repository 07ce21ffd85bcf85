package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// job is one caller's write, done by the writer goroutine within a bbolt
// transaction that it may share with others.
type job struct {
	// do writes. It returns the change, if any, for the watches. When it
	// fails it must have written nothing, as the others go on.
	do func(b buckets, next Revision) (Change, error)
	// always says that do writes even if it returns no change.
	always bool
	// after is what remains to do, in memory, once it is durable; may be nil.
	after func()

	revision Revision // afterwards
	err      error
	done     chan struct{} // closed when revision and err are set
}

// brokenError is an error of the file itself: the whole bbolt transaction is
// given up.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// errNothing gives up a bbolt transaction that has written nothing, to save its
// fsync.
var errNothing = errors.New("nothing to write")

// maxJobs is how many jobs share an fsync.
const maxJobs = 256

// run hands a job to the writer and waits for it.
func (f *File) run(ctx context.Context, j *job) (Revision, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	j.done = make(chan struct{})
	select {
	case f.jobs <- j:
	case <-f.closing:
		return 0, fmt.Errorf("store %s: %w", f.path, ErrClosed)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-j.done:
		return j.revision, j.err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	}
}

// write is the one goroutine that writes to the file.
func (f *File) write() {
	defer close(f.ended)
	for {
		var expired <-chan time.Time
		if wait, some := f.leases.next(); some {
			expired = time.After(wait)
		}
		select {
		case j := <-f.jobs:
			f.commit(f.gather(j))
		case <-expired:
			f.expire()
		case <-f.closing:
			return
		}
	}
}

// gather takes the jobs that wait behind the first.
func (f *File) gather(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < maxJobs {
		select {
		case j := <-f.jobs:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// commit does jobs in one bbolt transaction, each with a revision of its own.
func (f *File) commit(jobs []*job) {
	var changes []Change
	err := guarded(func() error {
		return f.db.Update(func(tx *bbolt.Tx) (err error) {
			changes, err = f.apply(bucketsOf(tx), jobs)
			return err
		})
	})
	switch {
	case errors.Is(err, errNothing):
		err = nil
	case err != nil:
		err = f.failed(err)
	default:
		for _, c := range changes {
			f.history.add(c)
		}
	}
	for _, j := range jobs {
		switch {
		case err != nil:
			j.revision, j.err = 0, err
		case j.err == nil && j.after != nil:
			j.after()
		}
		close(j.done)
	}
}

// failed says what a transaction has done that bbolt returned an error of. If the
// file's last page was written, and only its way to the disk failed, readers see
// it: then watches must not miss it.
func (f *File) failed(err error) error {
	at := f.history.revision()
	reading := f.view(context.Background(), func(b buckets) error {
		if at == b.revision() {
			return nil
		}
		at = b.revision()
		return ErrUnknown
	})
	f.history.forget(at)
	if reading != nil {
		return fmt.Errorf("store %s: %w: %w%s", f.path, reading, err, remedy(err))
	}
	return fmt.Errorf("store %s: nothing was stored: %w%s", f.path, err, remedy(err))
}

// remedies are what to do about errors of the file system.
var remedies = map[syscall.Errno]string{
	syscall.ENOSPC: ": make room on its file system; writing goes on by itself then",
	syscall.EDQUOT: ": make room within the quota; writing goes on by itself then",
	syscall.EFBIG:  ": raise the limit of file sizes (ulimit -f)",
	syscall.EROFS:  ": its file system is read-only: see the kernel's log, and mount it for writing",
}

// remedy is what to do about an error of bbolt, which keeps the text of some.
func remedy(err error) string {
	for errno, text := range remedies {
		if errors.Is(err, errno) || strings.HasSuffix(err.Error(), errno.Error()) {
			return text
		}
	}
	return ""
}

// apply does jobs, and returns what changed; errNothing if nothing is to be
// written.
func (f *File) apply(b buckets, jobs []*job) ([]Change, error) {
	var changes []Change
	wrote, revision := false, b.revision()
	for _, j := range jobs {
		var change Change
		change, j.err = j.do(b, revision+1)
		var broken brokenError
		switch {
		case errors.As(j.err, &broken):
			return nil, j.err
		case j.err != nil:
			continue
		case len(change.Events) > 0:
			revision++
			changes = append(changes, change)
		}
		j.revision = revision
		wrote = wrote || j.always || len(change.Events) > 0
	}
	if !wrote {
		return nil, errNothing
	}
	f.history.expect(revision)
	return changes, b.setNumber(revisionKey, uint64(revision))
}

// Commit implements Store.
func (f *File) Commit(ctx context.Context, txn Txn) (Revision, error) {
	if err := txn.check(); err != nil {
		return 0, err
	}
	return f.commitLarge(ctx, txn)
}

// commitLarge is Commit without its limits, for a Writer.
func (f *File) commitLarge(ctx context.Context, txn Txn) (Revision, error) {
	txn.Then = lastOfEach(txn.Then)
	return f.run(ctx, &job{do: func(b buckets, next Revision) (Change, error) { return b.commit(txn, next) }})
}

// commit checks a transaction, then does it.
func (b buckets) commit(txn Txn, next Revision) (Change, error) {
	for _, c := range txn.If {
		if found := b.modified(c.Key); found != c.Modified {
			return Change{}, &ConflictError{Condition: c, Found: found}
		}
	}
	for _, op := range txn.Then {
		if op.Lease == 0 || op.Delete {
			continue
		}
		if _, ok := b.ttl(op.Lease); !ok {
			return Change{}, fmt.Errorf("%s: lease %d: %w", op.Key, op.Lease, ErrNoLease)
		}
	}
	change := Change{Revision: next}
	for _, op := range txn.Then {
		event, changed, err := b.do(op, next)
		if err != nil {
			return Change{}, brokenError{err}
		}
		if changed {
			change.Events = append(change.Events, event)
		}
	}
	return change, nil
}

// do does one operation.
func (b buckets) do(op Op, next Revision) (event Event, changed bool, err error) {
	old, existed, err := b.entry(op.Key)
	if err != nil {
		return Event{}, false, err
	}
	if op.Delete {
		return deleted(op.Key, next), existed, b.delete(old)
	}
	e := Entry{Key: op.Key, Value: append([]byte(nil), op.Value...), Created: old.Created, Modified: next, Lease: op.Lease}
	if !existed {
		e.Created = next
	}
	return Event{Entry: e}, true, b.put(e, old.Lease)
}
