package store

import (
	"bytes"
	"testing"
)

func FuzzEntry(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, entryHeader))
	f.Add(encodeEntry(Entry{Created: 1, Modified: 2, Lease: 3, Value: []byte("value")}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := decodeEntry([]byte("k"), raw)
		if (err != nil) != (len(raw) < entryHeader) {
			t.Fatalf("%d bytes: %v", len(raw), err)
		}
		if err == nil && !bytes.Equal(encodeEntry(e), raw) {
			t.Fatalf("%x becomes %+v becomes %x", raw, e, encodeEntry(e))
		}
	})
}
