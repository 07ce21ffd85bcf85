package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
	"pgregory.net/rapid"
)

// fill puts n entries into a store, one of which is leased.
func fill(t *testing.T, s store.Store, n int) {
	t.Helper()
	w := store.NewWriter(s, store.WriterOptions{})
	for i := range n {
		w.Put(fmt.Sprintf("k/%05d", i), bytes.Repeat([]byte{byte(i)}, i%300))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	id, err := s.Grant(t.Context(), time.Hour)
	if err == nil {
		_, err = s.Commit(t.Context(), store.Txn{Then: []store.Op{{Key: "leased", Lease: id}}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBackupLeavesOut leaves out what has a lease, and what the caller names.
func TestBackupLeavesOut(t *testing.T) {
	m := store.NewMemory()
	defer closeStore(t, m)
	fill(t, m, 10)
	for _, k := range []string{"run/a", "run/b", "runs"} {
		if _, err := store.Put(t.Context(), m, k, nil); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := store.WriteBackup(t.Context(), m, &file, "none/", "run/"); err != nil {
		t.Fatal(err)
	}
	if info, err := store.ReadBackup(&file); err != nil || info.Entries != 11 || info.LeftOut != 3 {
		t.Errorf("%+v, %v; want 11 entries, and 3 left out", info, err)
	}
}

func backupOf(t *testing.T, s store.Store) ([]byte, store.Backup) {
	t.Helper()
	var file bytes.Buffer
	info, err := store.WriteBackup(t.Context(), s, &file)
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), info
}

// contents are the entries of a store that have no lease.
func contents(t *testing.T, s store.Store) (list []string) {
	t.Helper()
	for e, err := range store.All(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Lease == 0 {
			list = append(list, fmt.Sprintf("%s=%x", e.Key, e.Value))
		}
	}
	return list
}

// TestBackupGoesBetweenStores backs up a file, restores that to etcd, backs that
// up, and restores it to a file.
func TestBackupGoesBetweenStores(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	first := filepath.Join(t.TempDir(), "first.db")
	f := openFile(t, first)
	fill(t, f, 3000)
	want := contents(t, f)
	backup, info := backupOf(t, f)
	closeStore(t, f)
	if info.Entries != 3000 || info.LeftOut != 1 || info.Schema != 1 || info.Revision == 0 || time.Since(info.Time) > time.Hour {
		t.Errorf("%+v", info)
	}
	url, second := cluster.URL("b"), filepath.Join(t.TempDir(), "second.db")
	for _, name := range []string{url, "file:" + second} {
		got, err := store.Restore(t.Context(), name, bytes.NewReader(backup), false)
		if err != nil || got != info {
			t.Fatalf("%s: %+v, %v; want %+v", name, got, err, info)
		}
		s, err := store.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := contents(t, s); !slices.Equal(got, want) {
			t.Errorf("%s holds %d entries, want %d", name, len(got), len(want))
		}
		if _, err := s.Get(t.Context(), "leased"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what had a lease is there, and would be for ever: %v", err)
		}
		page, err := s.List(t.Context(), "", "", 1)
		if err != nil || strings.HasPrefix(name, "file:") && page.Revision <= info.Revision {
			t.Errorf("revisions go on at %d, after %d, %v", page.Revision, info.Revision, err)
		}
		backup, info = backupOf(t, s)
		closeStore(t, s)
	}
	if stat, err := os.Stat(second); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", stat.Mode(), err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	dir := t.TempDir()
	m := store.NewMemory()
	fill(t, m, 10)
	backup, _ := backupOf(t, m)
	closeStore(t, m)
	full := filepath.Join(dir, "full.db")
	f := openFile(t, full)
	fill(t, f, 20)
	closeStore(t, f)
	before, _ := os.ReadFile(full)
	used := filepath.Join(dir, "used.db")
	u := openFile(t, used)
	defer closeStore(t, u)
	e := openEtcd(t, cluster.URL("full"))
	fill(t, e, 20)
	closeStore(t, e)
	newer := slices.Clone(backup)
	newer[19] = 9 // the schema
	sum := sha256.Sum256(newer[:len(newer)-sha256.Size])
	copy(newer[len(newer)-sha256.Size:], sum[:])
	damaged := slices.Clone(backup)
	damaged[len(damaged)/2] ^= 1
	if _, err := cluster.Client().Put(t.Context(), "theirs/keys/k", ""); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name    string
		backup  []byte
		replace bool
		want    string
	}{
		{"file:" + full, backup, false, "is not empty: it holds \"k/00000\", for one: name another, or replace all that it holds with --force"},
		{"file:" + used, backup, true, "another process has it open"},
		{"file:" + filepath.Join(dir, "none", "s.db"), backup, false, "no such file or directory"},
		{cluster.URL("full"), backup, false, "is not empty"},
		{cluster.URL("full"), backup, true, "is in use: leased has a lease that somebody renews: stop all controllers"},
		{cluster.URL("theirs"), backup, true, "is not empty"},
		{"file:" + full, damaged, true, "it is damaged"},
		{"file:" + full, backup[:len(backup)-1], true, "it was cut off"},
		{"file:" + full, nil, true, "it does not begin as one of CoreCast"},
		{"file:" + full, newer, true, "has schema 9, and this corecast knows 1"},
		{"sqlite:x", backup, true, `"sqlite:x" is no store: write "file:PATH"`},
	}
	for _, tt := range tests {
		_, err := store.Restore(t.Context(), tt.name, bytes.NewReader(tt.backup), tt.replace)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
	if after, _ := os.ReadFile(full); !bytes.Equal(before, after) {
		t.Error("a restore that was refused has changed the file")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if _, err := store.Restore(t.Context(), "file:"+full, bytes.NewReader(backup), true); err != nil {
		t.Fatal(err)
	}
	f = openFile(t, full)
	defer closeStore(t, f)
	if got := contents(t, f); len(got) != 10 {
		t.Errorf("replaced by a backup of 10: %d entries", len(got))
	}
}

// TestRestoreToEtcdIsInterrupted cuts a restore off from etcd, under a node that
// has the store open.
func TestRestoreToEtcdIsInterrupted(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	m := store.NewMemory()
	fill(t, m, 2000)
	want := contents(t, m)
	backup, _ := backupOf(t, m)
	closeStore(t, m)
	node := openEtcd(t, cluster.URL("i"))
	defer closeStore(t, node)
	putWhenServed(t, node, "before")

	access := cluster.NewAccess()
	cut := &cutReader{ReadSeeker: bytes.NewReader(backup), after: len(backup) + len(backup)/2, cut: access.Break}
	_, err := store.Restore(t.Context(), access.URL("i?timeout=1s"), cut, true)
	if err == nil || !strings.Contains(err.Error(), "no answer within 1s") {
		t.Fatalf("the restore: %v", err)
	}
	if _, err := store.Put(t.Context(), node, "k", nil); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "is being restored now") {
		t.Errorf("a node writes into it: %v", err)
	}
	if _, err := store.OpenEtcd(t.Context(), cluster.URL("i")); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "run corecast restore again") {
		t.Errorf("a node opens half a store: %v", err)
	}
	if _, err := store.Restore(t.Context(), cluster.URL("i"), bytes.NewReader(backup), false); err != nil {
		t.Fatal(err)
	}
	again := openEtcd(t, cluster.URL("i"))
	defer closeStore(t, again)
	if got := contents(t, again); !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d", len(got), len(want))
	}
	putWhenServed(t, node, "after")
}

// cutReader calls cut once so much was read of it.
type cutReader struct {
	io.ReadSeeker
	after int
	cut   func()
}

func (r *cutReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p[:min(len(p), 1000)])
	if r.after -= n; r.after < 0 && r.cut != nil {
		r.cut()
		r.cut = nil
	}
	return n, err
}

// TestBackupAgainstModel backs up whatever a store may hold, and reads it back.
func TestBackupAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.MapOfN(rapid.StringMatching(`[a-z][a-z/é\x00]{0,20}`), rapid.SliceOfN(rapid.Byte(), 0, 50), 0, 20).Draw(rt, "entries")
		m := store.NewMemory()
		defer m.Close()
		for k, v := range want {
			if _, err := store.Put(context.Background(), m, k, v); err != nil {
				rt.Fatal(err)
			}
		}
		file, info := backupOf(t, m)
		if got, err := store.ReadBackup(bytes.NewReader(file)); err != nil || got != info || info.Entries != uint64(len(want)) {
			rt.Fatalf("%+v, %v; want %+v", got, err, info)
		}
		got := map[string][]byte{}
		for ops, err := range store.Restored(bytes.NewReader(file)) {
			if err != nil {
				rt.Fatal(err)
			}
			for _, op := range ops {
				got[op.Key] = op.Value
			}
		}
		if len(got) != len(want) {
			rt.Fatalf("%d entries, want %d", len(got), len(want))
		}
		for k, v := range want {
			if !bytes.Equal(got[k], v) {
				rt.Fatalf("%q: %x, want %x", k, got[k], v)
			}
		}
		// A bit that is not right is found, wherever it is.
		bit := rapid.IntRange(0, 8*len(file)-1).Draw(rt, "bit")
		file[bit/8] ^= 1 << (bit % 8)
		if info, err := store.ReadBackup(bytes.NewReader(file)); err == nil {
			rt.Fatalf("bit %d is wrong, and it is read: %+v", bit, info)
		}
	})
}

// TestBackupIsBroughtToTheSchema restores a backup of schema 1 with a program of
// schema 3.
func TestBackupIsBroughtToTheSchema(t *testing.T) {
	m := store.NewMemory()
	defer closeStore(t, m)
	for _, k := range []string{"gone/a", "old/a", "stays"} {
		if _, err := store.Put(t.Context(), m, k, []byte("value")); err != nil {
			t.Fatal(err)
		}
	}
	file, _ := backupOf(t, m)
	var got []string
	for ops, err := range store.Restored(bytes.NewReader(file), rename, drop) {
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			got = append(got, fmt.Sprintf("%s=%s", op.Key, op.Value))
		}
	}
	if want := []string{"new/a=VALUE", "stays=value"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzBackup(f *testing.F) {
	m := store.NewMemory()
	for _, k := range []string{"a", "b/c", "d"} {
		if _, err := store.Put(f.Context(), m, k, []byte(k)); err != nil {
			f.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := store.WriteBackup(f.Context(), m, &file); err != nil {
		f.Fatal(err)
	}
	m.Close()
	whole := file.Bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)-40])
	f.Add(append(slices.Clone(whole), 0))
	f.Add(whole[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := store.ReadBackup(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, store.ErrBackup) {
				t.Errorf("%v is no ErrBackup", err)
			}
			return
		}
		// What can be read is what would be written.
		m := store.NewMemory()
		defer m.Close()
		for ops, err := range store.Restored(bytes.NewReader(data)) {
			if err == nil {
				_, err = m.Commit(t.Context(), store.Txn{Then: ops})
			}
			if errors.Is(err, store.ErrSchema) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		again, err := store.WriteBackup(t.Context(), m, io.Discard)
		if err != nil || again.Entries != info.Entries {
			t.Errorf("%+v, %v; want %+v", again, err, info)
		}
	})
}
