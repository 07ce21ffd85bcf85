package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// SaveBackup makes a file (mode 0600) of a backup that write writes. It is named
// path when it is whole, durable, and was read back; there must be none before.
func SaveBackup(path string, write func(io.Writer) error) (info Backup, err error) {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return Backup{}, fmt.Errorf("%s exists: a backup takes no file's place; name another", path)
	case !errors.Is(err, fs.ErrNotExist):
		return Backup{}, err
	}
	unfinished := path + ".unfinished"
	f, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return Backup{}, err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(unfinished))
			return
		}
		if err = os.Rename(unfinished, path); err == nil {
			err = syncDirectory(path, true)
		}
	}()
	if err := write(f); err != nil {
		return Backup{}, err
	}
	if err := f.Sync(); err != nil {
		return Backup{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Backup{}, err
	}
	return ReadBackup(f)
}
