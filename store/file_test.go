package store_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
	"go.etcd.io/bbolt"
)

func TestFileKeepsAllAcrossRestarts(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "store.db")
	f := openFile(t, path)
	if _, err := store.Put(ctx, f, "kept", []byte("value")); err != nil {
		t.Fatal(err)
	}
	id, err := f.Grant(ctx, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	last, err := f.Commit(ctx, store.Txn{Then: []store.Op{{Key: "leased", Lease: id}}})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, f)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info.Mode(), err)
	}

	f = openFile(t, path)
	defer closeStore(t, f)
	page, err := f.List(ctx, "", "", 0)
	if err != nil || len(page.Entries) != 2 || page.Revision != last {
		t.Fatalf("%+v, %v", page, err)
	}
	if e := page.Entries[0]; string(e.Value) != "value" || e.Modified != last-1 || e.Created != last-1 {
		t.Errorf("%+v", e)
	}
	if err := f.Renew(ctx, id); err != nil {
		t.Errorf("the lease is lost: %v", err)
	}
	if other, err := f.Grant(ctx, time.Hour); err != nil || other == id {
		t.Errorf("lease %d was given again: %v", other, err)
	}
	for c, err := range f.Watch(ctx, "", last) { // until the lease expires
		if err != nil || c.Revision != last+1 || len(c.Events) != 1 || c.Events[0].Key != "leased" || !c.Events[0].Deleted {
			t.Errorf("%+v, %v", c, err)
		}
		break
	}
	for _, err := range f.Watch(ctx, "", last-1) {
		if !errors.Is(err, store.ErrCompacted) {
			t.Errorf("watch from before the restart: %v", err)
		}
	}
}

func TestOpenErrorsNameTheFileAndTheFix(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	locked := filepath.Join(dir, "locked.db")
	holder := openFile(t, locked)
	defer closeStore(t, holder)

	full := filepath.Join(dir, "full.db")
	f := openFile(t, full)
	w := store.NewWriter(f, store.WriterOptions{})
	for i := range 300 {
		w.Put(fmt.Sprint("k", i), make([]byte, 1000))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, f)
	whole, err := os.ReadFile(full)
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct{ path, want string }{
		{locked, "another process has it open"},
		{write("text.db", []byte(strings.Repeat("This is no store.\n", 1000))), "is not a store, or damaged"},
		{write("short.db", whole[:5000]), "damaged"},
		{write("cut.db", whole[:100_000]), "damaged"},
		{write("blank.db", make([]byte, 1<<16)), "is not a store, or damaged"},
		{filepath.Join(dir, "none", "store.db"), "no such file or directory"},
		{dir, "is a directory"},
		{alter(t, filepath.Join(dir, "foreign.db"), nil, func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("theirs"))
			return err
		}), "not of CoreCast"},
		{alter(t, filepath.Join(dir, "newer.db"), whole, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 7})
		}), "has schema 7, and this corecast knows 1"},
		{alter(t, filepath.Join(dir, "no-schema.db"), whole, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Delete([]byte("schema"))
		}), "does not say which schema"},
		{alter(t, filepath.Join(dir, "no-keys.db"), whole, func(tx *bbolt.Tx) error {
			return tx.DeleteBucket([]byte("keys"))
		}), `has no bucket "keys"`},
	}
	for _, tt := range tests {
		before, _ := os.ReadFile(tt.path) // what cannot be read is none of the store's either
		f, err := store.OpenFile(tt.path)
		if err == nil {
			closeStore(t, f)
		}
		if after, _ := os.ReadFile(tt.path); tt.path != locked && !bytes.Equal(before, after) {
			t.Errorf("%s was changed", tt.path)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %v; want %q", tt.path, err, tt.want)
		}
	}
}

// TestDamagedPagesAreErrors overwrites the header of a page that OpenFile does not
// look at.
func TestDamagedPagesAreErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	f := openFile(t, path)
	w := store.NewWriter(f, store.WriterOptions{})
	for i := range 2000 {
		w.Put(fmt.Sprintf("key/%04d", i), make([]byte, 100))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, f)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.Index(whole, []byte("key/1000")) &^ 4095 // the page that it is on
	for i := first; i < first+16; i++ {
		whole[i] = 0xff
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	f = openFile(t, path)
	defer closeStore(t, f)
	if _, err := f.List(t.Context(), "", "", 0); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("List: %v", err)
	}
	if _, err := store.Put(t.Context(), f, "key/1000", nil); err == nil {
		t.Error("a put into a damaged page was acknowledged")
	}
}

// alter makes a bbolt file with a content, changed.
func alter(t *testing.T, path string, content []byte, change func(*bbolt.Tx) error) string {
	t.Helper()
	if content != nil {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(t.Context(), "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	for name, want := range map[string]string{
		"etcd://127.0.0.1:1/corecast?timeout=1s": "dial tcp 127.0.0.1:1: connect: connection refused: no answer within 1s",
		"etcd://127.0.0.1/corecast":              `"127.0.0.1" is no HOST:PORT`,
		"":                                       "file:corecast.db",
		"file:":                                  "file:corecast.db",
		"corecast.db":                            "file:corecast.db",
		"file:" + t.TempDir():                    "is a directory",
	} {
		if s, err := store.Open(t.Context(), name); err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, %v; want %q", name, s, err, want)
		}
	}
}

func TestConcurrentCommitsAllHappen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	f := openFile(t, path)
	const callers = 200
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			// Half of them conflict, which must not disturb their neighbors.
			_, err := store.PutIf(t.Context(), f, fmt.Sprint("k", i/2), nil, 0)
			if err != nil && !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	closeStore(t, f)
	f = openFile(t, path)
	defer closeStore(t, f)
	if page, err := f.List(t.Context(), "", "", 0); err != nil || len(page.Entries) != callers/2 || page.Revision != callers/2 {
		t.Errorf("%d entries at revision %d, %v; want %d", len(page.Entries), page.Revision, err, callers/2)
	}
}

// killEnv makes TestAcknowledgedWritesSurviveKill's child of this test binary.
const killEnv = "CORECAST_STORE_KILL_TEST"

// TestAcknowledgedWritesSurviveKill kills a process that writes, at moments that
// it does not choose, and finds all that it had been promised.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	if path := os.Getenv(killEnv); path != "" {
		writeUntilKilled(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := 0
	for _, acks := range []int{1, 7, 60} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAcknowledgedWritesSurviveKill$")
		cmd.Env = append(os.Environ(), killEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < acks && lines.Scan(); n++ {
			if want := fmt.Sprint("stored ", acknowledged); lines.Text() != want {
				t.Fatalf("the writer said %q, want %q", lines.Text(), want)
			}
			acknowledged++
		}
		cmd.Process.Kill()
		for lines.Scan() && strings.HasPrefix(lines.Text(), "stored ") { // what it still said
			acknowledged++
		}
		cmd.Wait()

		f := openFile(t, path)
		for i := range acknowledged {
			for _, key := range []string{"a", "b"} {
				if e, err := f.Get(t.Context(), fmt.Sprintf("%s/%06d", key, i)); err != nil || string(e.Value) != fmt.Sprint(i) {
					t.Fatalf("write %d of %d: %+v, %v", i, acknowledged, e, err)
				}
			}
		}
		page, err := f.List(t.Context(), "", "", 0)
		if err != nil || len(page.Entries)%2 != 0 || len(page.Entries) != 2*int(page.Revision) {
			t.Fatalf("%d entries at revision %d, %v: a transaction is not whole", len(page.Entries), page.Revision, err)
		}
		acknowledged = int(page.Revision) // one more may have been stored but not said
		closeStore(t, f)
	}
}

// writeUntilKilled says what is stored, transaction by transaction.
func writeUntilKilled(t *testing.T, path string) {
	f := openFile(t, path)
	page, err := f.List(t.Context(), "", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	const enough = 1_000_000 // the parent kills us long before
	for i := int(page.Revision); i < enough; i++ {
		value := []byte(fmt.Sprint(i))
		if _, err := f.Commit(t.Context(), store.Txn{Then: []store.Op{
			{Key: fmt.Sprintf("a/%06d", i), Value: value}, {Key: fmt.Sprintf("b/%06d", i), Value: value}}}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("stored", i)
	}
}

func closeStore(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
