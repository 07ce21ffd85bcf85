package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Revision orders the transactions of a store that changed something: each has a
// greater one than its predecessor. File and Memory count without a gap; etcd
// counts for its whole cluster, so that other prefixes make gaps. 0 is before
// the first. A restored backup has revisions of its own.
type Revision uint64

// LeaseID names a lease; 0 is none.
type LeaseID uint64

// Store is durable state. All methods may be called by any goroutine. Slices
// that it returns are the caller's.
type Store interface {
	// Get returns the entry of a key, or ErrNotFound.
	Get(ctx context.Context, key string) (Entry, error)

	// List returns the entries whose keys start with prefix and come after
	// the key after (from the start if it is empty), in the order of their
	// bytes: at most limit, or all if limit is 0. See All.
	List(ctx context.Context, prefix, after string, limit int) (Page, error)

	// Commit does all of a transaction, durably, if its conditions hold; else
	// it does nothing and returns a *ConflictError. A transaction that changes
	// nothing returns the current revision. An ErrUnknown may have been
	// committed or not; after any other error nothing has changed.
	Commit(ctx context.Context, txn Txn) (Revision, error)

	// Watch yields, transaction by transaction, what changes of the keys that
	// start with prefix after a revision: that of a List to follow it, or that
	// of the last Change to go on. It waits for more until ctx ends (with
	// ctx's error), the store is closed (ErrClosed), or the store no longer
	// remembers what is due (ErrCompacted: list again). An error is the last
	// thing that it yields.
	Watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Change, error]

	// Snapshot calls read with all entries, in the order of their keys, as they
	// were at one revision. What read returns, it returns. File keeps its pages
	// meanwhile, and grows: read must not wait for a slow peer.
	Snapshot(ctx context.Context, read func(at Revision, entries iter.Seq2[Entry, error]) error) error

	// Grant makes a lease. Keys put with it are deleted when it expires, in
	// one transaction: once ttl has passed since it was granted or renewed, or
	// since the file was opened or etcd's leader elected: a restart of the store
	// itself must not cost anybody a lease. Stores may round ttl up to seconds.
	Grant(ctx context.Context, ttl time.Duration) (LeaseID, error)
	// Renew starts a lease's time again, without writing; ErrNoLease if it has
	// expired.
	Renew(ctx context.Context, id LeaseID) error
	// Revoke expires a lease now.
	Revoke(ctx context.Context, id LeaseID) error

	// Close ends all watches and releases the store. Transactions under way
	// finish first.
	Close() error
}

// Entry is a key and what is stored under it.
type Entry struct {
	Key      string
	Value    []byte
	Created  Revision // when the key came to be
	Modified Revision // when it was put last
	Lease    LeaseID  // with which it expires, if any
}

// Page is a part of a listing.
type Page struct {
	Entries []Entry
	// Revision is that of the store when it was read: a Watch after the first
	// page's sees all that a listing of several pages might have missed.
	Revision Revision
	More     bool // entries follow the last one
}

// Txn is a transaction: if every condition holds, every operation is done, in
// order; of several on one key the last alone.
type Txn struct {
	If   []Condition
	Then []Op
}

// Condition holds if the key was put last at the revision; 0 is that it does
// not exist.
type Condition struct {
	Key      string
	Modified Revision
}

// Op is a put or a delete. Deleting what does not exist changes nothing.
type Op struct {
	Key    string
	Value  []byte
	Lease  LeaseID // of a put
	Delete bool
}

// Change is what one transaction did to the keys of a watch.
type Change struct {
	Revision Revision
	Events   []Event
}

// Event is a put, with the entry as it was stored, or a delete.
type Event struct {
	Entry
	Deleted bool // only Key and Modified (when it was deleted) are set
}

// Errors of a store. They come wrapped with the key or the file.
var (
	ErrNotFound  = errors.New("no such key")
	ErrConflict  = errors.New("the key has changed meanwhile")
	ErrCompacted = errors.New("changes since that revision are no longer kept: list again")
	ErrNoLease   = errors.New("no such lease: it has expired")
	ErrClosed    = errors.New("the store is closed")
	ErrInvalid   = errors.New("invalid")
	ErrUnknown   = errors.New("not known to be stored: it may have happened or not; read it back")
	ErrSchema    = errors.New("the store is of another schema")
)

// ConflictError is the condition that did not hold. It is an ErrConflict.
type ConflictError struct {
	Condition
	Found Revision // of the key; 0 if it does not exist
}

func (e *ConflictError) Error() string {
	switch {
	case e.Found == 0:
		return fmt.Sprintf("%s no longer exists (expected revision %d)", e.Key, e.Modified)
	case e.Modified == 0:
		return fmt.Sprintf("%s exists already, at revision %d", e.Key, e.Found)
	}
	return fmt.Sprintf("%s is at revision %d, not %d", e.Key, e.Found, e.Modified)
}

// Unwrap makes errors.Is(err, ErrConflict) true.
func (*ConflictError) Unwrap() error { return ErrConflict }
