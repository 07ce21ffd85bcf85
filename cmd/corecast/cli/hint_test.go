package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestHint(t *testing.T) {
	listening := func(said syscall.Errno) error {
		return fmt.Errorf("the REST API: %w", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", said)})
	}
	opening := func(said syscall.Errno) error { return &fs.PathError{Op: "open", Path: "/var/a.db", Err: said} }
	for _, tt := range []struct {
		err  error
		want string // part of it; empty for none
	}{
		{listening(syscall.EACCES), "choose one from 1024 on"},
		{listening(syscall.EADDRINUSE), "ss -lntup"},
		{listening(syscall.EADDRNOTAVAIL), "ip address"},
		{listening(syscall.EINVAL), ""},
		{opening(syscall.EACCES), "ls -ld /var /var/a.db"},
		{opening(syscall.ENOENT), "ls /var"},
		{opening(syscall.ENOSPC), "df /var"},
		{opening(syscall.EROFS), "elsewhere"},
		{opening(syscall.EISDIR), ""},
		{fmt.Errorf("a namespace: %w", syscall.EPERM), "root"},
		{fmt.Errorf("a namespace: %w", syscall.EINVAL), ""},
		{fmt.Errorf("%w: name another", opening(syscall.EACCES)), ""}, // it was said what to do
		{errors.New("the demo failed"), ""},
	} {
		got := Hint(tt.err)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || got != "" && !strings.HasPrefix(got, ": ") {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}
