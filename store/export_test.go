package store

import (
	"context"
	"io"
	"iter"
)

// Step is a step of a schema that a test makes up.
type Step = step

// MakeStep makes one.
func MakeStep(what string, entry func(Entry) ([]Op, error)) Step {
	return step{what: what, entry: entry}
}

// What it changes.
func (s Step) What() string { return s.what }

// Entry is what it does to one.
func (s Step) Entry(e Entry) ([]Op, error) { return s.entry(e) }

// OpenFileWith opens a file with a schema of those steps.
func OpenFileWith(path string, steps ...Step) (*File, error) { return openFile(path, steps, false) }

// OpenEtcdWith opens an etcd with a schema of those steps.
func OpenEtcdWith(ctx context.Context, url string, steps ...Step) (*Etcd, error) {
	return openEtcd(ctx, url, steps, false)
}

// Restored yields what a backup holds, for a schema of those steps.
func Restored(r io.Reader, steps ...Step) iter.Seq2[[]Op, error] { return restored(r, steps) }
