package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
)

// childEnv names the file for the child of TestFileThatCannotGrow, or of
// TestFileThatIsReadOnly.
const childEnv = "CORECAST_STORE_FAULT_TEST"

// child runs one test of this binary in a process of its own, that fails as it
// does.
func child(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFileThatCannotGrow bounds the size of files, as a full file system does, in
// a process of its own. What was acknowledged stays, what was not is not there,
// and writing goes on when there is room again.
func TestFileThatCannotGrow(t *testing.T) {
	path := os.Getenv(childEnv)
	if path == "" {
		child(t, filepath.Join(t.TempDir(), "store.db"))
		return
	}
	signal.Ignore(syscall.SIGXFSZ) // the write is to fail, not the process
	f := openFile(t, path)
	defer closeStore(t, f)
	limit(t, 3<<20)
	value := make([]byte, 100_000)
	stored := 0
	var failed error
	for ; failed == nil && stored < 100; stored++ {
		_, failed = store.Put(t.Context(), f, fmt.Sprintf("k/%02d", stored), value)
	}
	stored--
	if failed == nil || errors.Is(failed, store.ErrUnknown) || !strings.Contains(failed.Error(), path+": nothing was stored") ||
		!strings.Contains(failed.Error(), "raise the limit of file sizes") {
		t.Fatalf("after %d writes: %v", stored, failed)
	}
	page, err := f.List(t.Context(), "k/", "", 0)
	if err != nil || len(page.Entries) != stored {
		t.Errorf("%d entries, %v; %d were acknowledged", len(page.Entries), err, stored)
	}
	w := store.NewWriter(f, store.WriterOptions{Interval: time.Hour})
	w.Put("soft", value)
	if err := w.Flush(t.Context()); err == nil || w.Stats().Waiting != 1 {
		t.Errorf("a Writer on a full store: %v, %+v", err, w.Stats())
	}
	limit(t, 64<<20)
	if err := w.Close(); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if _, err := store.Put(t.Context(), f, "k/more", value); err != nil {
		t.Errorf("there is room again: %v", err)
	}
}

// limit bounds the size of files that this process writes.
func limit(t *testing.T, size uint64) {
	t.Helper()
	var r syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &r)
	if err == nil {
		r.Cur = size
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFileThatIsReadOnly opens files, as one who is not root, that may not be
// written, or not be made.
func TestFileThatIsReadOnly(t *testing.T) {
	const nobody = 65534
	if dir := os.Getenv(childEnv); dir != "" {
		if os.Getuid() == 0 {
			if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(dir); err != nil {
			t.Skip(err) // the directory for temporary files is root's alone
		}
		for path, want := range map[string]string{
			filepath.Join(dir, "readonly.db"):          "permission denied",
			filepath.Join(dir, "locked", "store.db"):   "permission denied",
			filepath.Join(dir, "readable.db"):          "has mode 0644, so that others can use it: chmod 600",
			filepath.Join(dir, "none", "none", "s.db"): "no such file or directory",
		} {
			if err := errOf(store.OpenFile(path)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v; want %q", path, err, want)
			}
		}
		return
	}
	dir, err := os.MkdirTemp("", "store") // t.TempDir's parents are root's alone
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, mode := range map[string]os.FileMode{"readonly.db": 0o400, "readable.db": 0o644} {
		f := openFile(t, filepath.Join(dir, name))
		closeStore(t, f)
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "locked"), 0o500), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		for _, name := range []string{"readonly.db", "locked"} {
			if err := os.Chown(filepath.Join(dir, name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	child(t, dir)
}
