package store

import "fmt"

// schema says what the keys and values of a store mean, and how the files and
// prefixes that hold them are laid out. Each step changes a store of one schema
// to the next; step 0 is from schema 1 to 2.
//
// A step is done at Open, by whoever opens the store first with a program that
// knows it: in a file in one transaction, in etcd in many, which any number of
// nodes may do at once and which the next Open goes on with after a crash.
type schema []step

// step changes every entry of a store to the next schema.
type step struct {
	what string // is changed, for errors
	// entry returns what to do in place of an entry: nothing if it stays. Of
	// what it has done already it must leave all as it is, since a step that was
	// interrupted starts anew. It returns at most MaxOps operations.
	entry func(Entry) ([]Op, error)
}

// known is the schema of this program: 1, as there was no other.
var known schema

func (s schema) number() int { return 1 + len(s) }

// check refuses stores that this program cannot make its own.
func (s schema) check(found int) error {
	if found < 1 || found > s.number() {
		return fmt.Errorf("%w: has schema %d, and this corecast knows %d: use the corecast that wrote it, or name another store",
			ErrSchema, found, s.number())
	}
	return nil
}

// change returns what a step does in place of an entry, checked.
func (s step) change(e Entry) ([]Op, error) {
	ops, err := s.entry(e)
	if err == nil {
		ops = lastOfEach(ops)
		err = (&Txn{Then: ops}).check()
	}
	for i := range ops {
		if !ops[i].Delete {
			ops[i].Lease = e.Lease // it stays what it was
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s, at %s: %w", s.what, e.Key, err)
	}
	return ops, nil
}

// upgrade does the steps after a schema to one entry, in memory: what is left of
// it is returned.
func (s schema) upgrade(from int, e Entry) ([]Entry, error) {
	entries := []Entry{e}
	for _, step := range s[from-1:] {
		var next []Entry
		for _, e := range entries {
			ops, err := step.change(e)
			if err != nil {
				return nil, err
			}
			replaced := false
			for _, op := range ops {
				replaced = replaced || op.Key == e.Key
				if !op.Delete {
					next = append(next, Entry{Key: op.Key, Value: op.Value})
				}
			}
			if !replaced {
				next = append(next, e)
			}
		}
		entries = next
	}
	return entries, nil
}
