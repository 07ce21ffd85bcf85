package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// A backup is one file, for any store; integers are big-endian.
//
//	"CoreCast backup\n"
//	format    2 bytes: 1
//	schema    2 bytes
//	revision  8 bytes: of the store when it was read
//	time      8 bytes: when that was, in seconds since 1970
//	entries, in the order of their keys:
//	    length of the key  2 bytes, not 0
//	    length of the value  4 bytes
//	    key, value
//	0         2 bytes: the end of the entries
//	count     8 bytes: how many there are
//	left out  8 bytes: how many are not here
//	checksum  32 bytes: SHA-256 of all before
const (
	backupMagic  = "CoreCast backup\n"
	backupFormat = 1
	backupHeader = len(backupMagic) + 2 + 2 + 8 + 8
	// noSeconds is the first time that is none: the year 10000.
	noSeconds = 253402300800
)

// ErrBackup is a file that is no whole backup.
var ErrBackup = errors.New("is no backup that can be restored")

// Backup says what is in a backup.
type Backup struct {
	Schema   int       `json:"schema"`
	Revision Revision  `json:"revision"` // of the store when it was read
	Time     time.Time `json:"time"`
	Entries  uint64    `json:"entries"`
	// LeftOut counts entries that are not in it: they tell of processes that
	// run, which no backup brings back.
	LeftOut uint64 `json:"left_out"`
}

// backupWriter writes a backup.
type backupWriter struct {
	w   *bufio.Writer
	sum hash.Hash // of what was written
	out io.Writer // to both
	Backup
}

func newBackupWriter(w io.Writer, info Backup) (*backupWriter, error) {
	b := &backupWriter{w: bufio.NewWriterSize(w, 64<<10), sum: sha256.New(), Backup: info}
	b.out = io.MultiWriter(b.w, b.sum)
	head := binary.BigEndian.AppendUint16([]byte(backupMagic), backupFormat)
	head = binary.BigEndian.AppendUint16(head, uint16(info.Schema))
	head = binary.BigEndian.AppendUint64(head, uint64(info.Revision))
	head = binary.BigEndian.AppendUint64(head, uint64(info.Time.Unix()))
	_, err := b.out.Write(head)
	return b, err
}

func (b *backupWriter) add(e Entry) error {
	b.Entries++
	head := binary.BigEndian.AppendUint16(make([]byte, 0, 6+len(e.Key)), uint16(len(e.Key)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(e.Value)))
	_, err := b.out.Write(append(head, e.Key...))
	if err == nil {
		_, err = b.out.Write(e.Value)
	}
	return err
}

func (b *backupWriter) end() error {
	tail := binary.BigEndian.AppendUint64(make([]byte, 2), b.Entries)
	tail = binary.BigEndian.AppendUint64(tail, b.LeftOut)
	if _, err := b.out.Write(tail); err != nil {
		return err
	}
	if _, err := b.w.Write(b.sum.Sum(nil)); err != nil {
		return err
	}
	return b.w.Flush()
}

// backupReader reads a backup that nothing vouches for. It takes no more memory
// than an entry needs.
type backupReader struct {
	r   *bufio.Reader
	sum hash.Hash // of what was read
	Backup
	read uint64 // entries
	last string // key
}

func newBackupReader(r io.Reader) (*backupReader, error) {
	b := &backupReader{r: bufio.NewReaderSize(r, 64<<10), sum: sha256.New()}
	head, err := b.take(backupHeader)
	if err != nil || !bytes.HasPrefix(head, []byte(backupMagic)) {
		return nil, fmt.Errorf("%w: it does not begin as one of CoreCast", ErrBackup)
	}
	head = head[len(backupMagic):]
	if format := binary.BigEndian.Uint16(head); format != backupFormat {
		return nil, fmt.Errorf("%w: it has format %d, and this corecast knows %d: use the corecast that wrote it", ErrBackup, format, backupFormat)
	}
	b.Schema = int(binary.BigEndian.Uint16(head[2:]))
	b.Revision = Revision(binary.BigEndian.Uint64(head[4:]))
	seconds := binary.BigEndian.Uint64(head[12:])
	if seconds >= noSeconds {
		return nil, fmt.Errorf("%w: it is damaged: %d is no time", ErrBackup, seconds)
	}
	b.Time = time.Unix(int64(seconds), 0).UTC()
	return b, nil
}

// take reads bytes that are summed.
func (b *backupReader) take(n int) ([]byte, error) {
	buf := make([]byte, n)
	if _, err := io.ReadFull(b.r, buf); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: it ends after %d entries: it was cut off", ErrBackup, b.read)
		}
		return nil, err
	}
	b.sum.Write(buf)
	return buf, nil
}

// next returns the next entry; false after the last one, when the checksum was
// right.
func (b *backupReader) next() (Entry, bool, error) {
	head, err := b.take(2)
	if err != nil {
		return Entry{}, false, err
	}
	keyLen := int(binary.BigEndian.Uint16(head))
	if keyLen == 0 {
		return Entry{}, false, b.end()
	}
	head, err = b.take(4)
	if err != nil {
		return Entry{}, false, err
	}
	valueLen := binary.BigEndian.Uint32(head)
	if keyLen > MaxKey || valueLen > MaxValue {
		return Entry{}, false, fmt.Errorf("%w: it is damaged: entry %d has a key of %d bytes and a value of %d", ErrBackup, b.read+1, keyLen, valueLen)
	}
	body, err := b.take(keyLen + int(valueLen))
	if err != nil {
		return Entry{}, false, err
	}
	e := Entry{Key: string(body[:keyLen]), Value: body[keyLen:]}
	if err := checkKey(e.Key); err != nil || e.Key <= b.last {
		return Entry{}, false, fmt.Errorf("%w: it is damaged: key %.40q comes after %.40q", ErrBackup, e.Key, b.last)
	}
	b.last = e.Key
	b.read++
	return e, true, nil
}

// end reads what comes after the entries.
func (b *backupReader) end() error {
	tail, err := b.take(16)
	if err != nil {
		return err
	}
	b.Entries, b.LeftOut = binary.BigEndian.Uint64(tail), binary.BigEndian.Uint64(tail[8:])
	want := b.sum.Sum(nil)
	sum, err := b.take(sha256.Size)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(sum, want):
		return fmt.Errorf("%w: it is damaged: its checksum is not that of what it holds", ErrBackup)
	case b.Entries != b.read:
		return fmt.Errorf("%w: it is damaged: it holds %d entries, and says %d", ErrBackup, b.read, b.Entries)
	}
	if _, err := b.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it goes on after its end", ErrBackup)
	}
	return nil
}
