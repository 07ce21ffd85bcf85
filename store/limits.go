package store

import "fmt"

// Limits of keys, values and transactions: what every store takes, and an etcd
// with its default configuration.
const (
	MaxKey   = 1 << 10
	MaxValue = 1 << 20
	// MaxOps bounds the operations of a transaction, and its conditions. etcd
	// takes 128 and leaves some for the store's own. A Writer's transactions
	// are larger where the store takes more.
	MaxOps = 120
	// MaxTxn bounds the bytes of all keys and values of a transaction, the keys
	// of conditions counted twice.
	MaxTxn = 5 << 18
)

// check refuses transactions that not every store takes.
func (t *Txn) check() error {
	switch {
	case len(t.Then) > MaxOps:
		return fmt.Errorf("%w: a transaction of %d operations: at most %d, as it cannot be done in parts", ErrInvalid, len(t.Then), MaxOps)
	case len(t.If) > MaxOps:
		return fmt.Errorf("%w: a transaction with %d conditions: at most %d", ErrInvalid, len(t.If), MaxOps)
	}
	size := 0
	for _, c := range t.If {
		if err := checkKey(c.Key); err != nil {
			return err
		}
		size += 2 * len(c.Key)
	}
	for i := range t.Then {
		if err := checkOp(&t.Then[i]); err != nil {
			return err
		}
		size += t.Then[i].size()
	}
	if size > MaxTxn {
		return fmt.Errorf("%w: a transaction of %d bytes: at most %d, as it cannot be done in parts", ErrInvalid, size, MaxTxn)
	}
	return nil
}

func (op *Op) size() int { return len(op.Key) + len(op.Value) }

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

// lastOfEach returns operations without those that a later one on their key
// undoes.
func lastOfEach(ops []Op) []Op {
	last := make(map[string]int, len(ops))
	for i, op := range ops {
		last[op.Key] = i
	}
	if len(last) == len(ops) {
		return ops
	}
	var kept []Op
	for i, op := range ops {
		if last[op.Key] == i {
			kept = append(kept, op)
		}
	}
	return kept
}
