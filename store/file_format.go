package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// The file holds these buckets; integers are big-endian.
//
//	meta    "schema"   → 2 bytes: see schema
//	        "revision" → 8 bytes: of the last transaction
//	        "lease"    → 8 bytes: the last LeaseID given
//	keys    key        → created (8) modified (8) lease (8) value
//	leases  lease (8)  → ttl in nanoseconds (8)
//	leased  lease (8) key → nothing: the keys of each lease
var (
	metaBucket   = []byte("meta")
	keysBucket   = []byte("keys")
	leasesBucket = []byte("leases")
	leasedBucket = []byte("leased")

	schemaKey   = []byte("schema")
	revisionKey = []byte("revision")
	leaseKey    = []byte("lease")
)

const entryHeader = 24

// format lays out an empty file, or checks that a file is ours and brings it to
// the schema.
func (s schema) format(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return errors.New("is a bbolt file, but not of CoreCast: name another")
		}
		for _, name := range [][]byte{metaBucket, keysBucket, leasesBucket, leasedBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return s.write(tx)
	}
	found, err := schemaOf(meta)
	if err == nil {
		err = s.check(found)
	}
	if err != nil {
		return err
	}
	for _, name := range [][]byte{keysBucket, leasesBucket, leasedBucket} {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("has no bucket %q: it is damaged; restore a backup or name another", name)
		}
	}
	return s.migrate(tx, found)
}

// schemaOf is the schema of a file.
func schemaOf(meta *bbolt.Bucket) (int, error) {
	found := meta.Get(schemaKey)
	if len(found) != 2 {
		return 0, errors.New("does not say which schema it has: it is damaged or not of CoreCast; restore a backup or name another")
	}
	return int(binary.BigEndian.Uint16(found)), nil
}

func (s schema) write(tx *bbolt.Tx) error {
	return tx.Bucket(metaBucket).Put(schemaKey, binary.BigEndian.AppendUint16(nil, uint16(s.number())))
}

// migrate does the steps that a file lacks, as one transaction of the store.
func (s schema) migrate(tx *bbolt.Tx, found int) error {
	if found == s.number() {
		return nil
	}
	b := bucketsOf(tx)
	next := b.revision() + 1
	for _, step := range s[found-1:] {
		var ops []Op
		err := b.keys.ForEach(func(k, v []byte) error {
			e, err := decodeEntry(k, v)
			if err != nil {
				return err
			}
			change, err := step.change(e)
			ops = append(ops, change...)
			return err
		})
		if err != nil {
			return err
		}
		for _, op := range ops {
			if _, _, err := b.do(op, next); err != nil {
				return err
			}
		}
	}
	return errors.Join(b.setNumber(revisionKey, uint64(next)), s.write(tx))
}

// buckets are those of one bbolt transaction.
type buckets struct{ meta, keys, leases, leased *bbolt.Bucket }

func bucketsOf(tx *bbolt.Tx) buckets {
	return buckets{tx.Bucket(metaBucket), tx.Bucket(keysBucket), tx.Bucket(leasesBucket), tx.Bucket(leasedBucket)}
}

// number reads a number of the meta bucket; 0 if it is not there.
func (b buckets) number(key []byte) uint64 {
	if v := b.meta.Get(key); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (b buckets) setNumber(key []byte, n uint64) error {
	return b.meta.Put(key, binary.BigEndian.AppendUint64(nil, n))
}

func (b buckets) revision() Revision { return Revision(b.number(revisionKey)) }

// entry reads a key; ok is false if it does not exist. The value is a copy.
func (b buckets) entry(key string) (e Entry, ok bool, err error) {
	raw := b.keys.Get([]byte(key))
	if raw == nil {
		return Entry{}, false, nil
	}
	e, err = decodeEntry([]byte(key), raw)
	return e, err == nil, err
}

// modified is the revision at which a key was put last; 0 if it does not exist.
func (b buckets) modified(key string) Revision {
	if raw := b.keys.Get([]byte(key)); len(raw) >= entryHeader {
		return Revision(binary.BigEndian.Uint64(raw[8:]))
	}
	return 0
}

func decodeEntry(key, raw []byte) (Entry, error) {
	if len(raw) < entryHeader {
		return Entry{}, fmt.Errorf("%s: %d bytes are no entry: the file is damaged", key, len(raw))
	}
	return Entry{
		Key:      string(key),
		Created:  Revision(binary.BigEndian.Uint64(raw)),
		Modified: Revision(binary.BigEndian.Uint64(raw[8:])),
		Lease:    LeaseID(binary.BigEndian.Uint64(raw[16:])),
		Value:    bytes.Clone(raw[entryHeader:]),
	}, nil
}

func encodeEntry(e Entry) []byte {
	raw := make([]byte, 0, entryHeader+len(e.Value))
	raw = binary.BigEndian.AppendUint64(raw, uint64(e.Created))
	raw = binary.BigEndian.AppendUint64(raw, uint64(e.Modified))
	raw = binary.BigEndian.AppendUint64(raw, uint64(e.Lease))
	return append(raw, e.Value...)
}

func leaseBytes(id LeaseID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

// ttl is a lease's; ok is false if there is no such lease.
func (b buckets) ttl(id LeaseID) (ttl time.Duration, ok bool) {
	raw := b.leases.Get(leaseBytes(id))
	if len(raw) != 8 {
		return 0, false
	}
	return time.Duration(binary.BigEndian.Uint64(raw)), true
}

// leasedKeys are the keys that expire with a lease.
func (b buckets) leasedKeys(id LeaseID) []string {
	var keys []string
	prefix := leaseBytes(id)
	c := b.leased.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, string(k[len(prefix):]))
	}
	return keys
}

// put stores an entry, and notes under which lease it is now and no longer is.
func (b buckets) put(e Entry, before LeaseID) error {
	if before != 0 && before != e.Lease {
		if err := b.leased.Delete(append(leaseBytes(before), e.Key...)); err != nil {
			return err
		}
	}
	if e.Lease != 0 && e.Lease != before {
		if err := b.leased.Put(append(leaseBytes(e.Lease), e.Key...), nil); err != nil {
			return err
		}
	}
	return b.keys.Put([]byte(e.Key), encodeEntry(e))
}

func (b buckets) delete(e Entry) error {
	if e.Lease != 0 {
		if err := b.leased.Delete(append(leaseBytes(e.Lease), e.Key...)); err != nil {
			return err
		}
	}
	return b.keys.Delete([]byte(e.Key))
}
