package store

import (
	"context"
	"iter"
)

// Put stores a value whatever was there.
func Put(ctx context.Context, s Store, key string, value []byte) (Revision, error) {
	return s.Commit(ctx, Txn{Then: []Op{{Key: key, Value: value}}})
}

// PutIf stores a value if the key was put last at a revision (0: does not
// exist).
func PutIf(ctx context.Context, s Store, key string, value []byte, modified Revision) (Revision, error) {
	return s.Commit(ctx, Txn{
		If:   []Condition{{Key: key, Modified: modified}},
		Then: []Op{{Key: key, Value: value}},
	})
}

// Delete removes a key if it exists.
func Delete(ctx context.Context, s Store, key string) (Revision, error) {
	return s.Commit(ctx, Txn{Then: []Op{{Key: key, Delete: true}}})
}

// listPage is how many entries All reads at a time: a page holds up the file's
// growth while it is read.
const listPage = 1000

// All yields every entry whose key starts with prefix, page by page: what
// changes meanwhile may be seen or not. An error is the last thing it yields.
func All(ctx context.Context, s Store, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		after := ""
		for {
			page, err := s.List(ctx, prefix, after, listPage)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
				after = e.Key
			}
			if !page.More {
				return
			}
		}
	}
}
