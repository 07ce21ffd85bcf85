package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Revision counts the transactions of a store that changed something: each has
// the one after its predecessor's. 0 is before the first.
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
	// nothing returns the current revision.
	Commit(ctx context.Context, txn Txn) (Revision, error)

	// Watch yields, transaction by transaction, what changes of the keys that
	// start with prefix after a revision: that of a List to follow it, or that
	// of the last Change to go on. It waits for more until ctx ends (with
	// ctx's error), the store is closed (ErrClosed), or the store no longer
	// remembers what is due (ErrCompacted: list again). An error is the last
	// thing that it yields.
	Watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Change, error]

	// Grant makes a lease. Keys put with it are deleted when it expires, in
	// one transaction: once ttl has passed since it was granted, renewed, or
	// the store was opened, since a restart must not cost anybody a lease.
	// Stores may round ttl up to seconds.
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
// order.
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

// Limits of keys and values; etcd's defaults take them too.
const (
	MaxKey   = 1 << 10
	MaxValue = 1 << 20
)

// check refuses transactions that no store takes.
func (t *Txn) check() error {
	for _, c := range t.If {
		if err := checkKey(c.Key); err != nil {
			return err
		}
	}
	for i := range t.Then {
		if err := checkOp(&t.Then[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkOp(op *Op) error {
	if err := checkKey(op.Key); err != nil {
		return err
	}
	if len(op.Value) > MaxValue {
		return fmt.Errorf("%w: the value of %s has %d bytes: at most %d", ErrInvalid, op.Key, len(op.Value), MaxValue)
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "" || key[0] == '/':
		return fmt.Errorf("%w: key %q: want name/name/…", ErrInvalid, key)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: key %.40q… has %d bytes: at most %d", ErrInvalid, key, len(key), MaxKey)
	}
	return nil
}
