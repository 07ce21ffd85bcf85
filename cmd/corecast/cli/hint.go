package cli

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
)

// Hint is what to do about an error with which nobody said so: one that ends in what
// the operating system said. It is empty for others, and else continues the text.
func Hint(err error) string {
	var said syscall.Errno
	if !errors.As(err, &said) || !strings.HasSuffix(err.Error(), said.Error()) {
		return ""
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "listen" {
		return hintOfPort(said)
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		return hintOfFile(said, file.Path)
	}
	if said == syscall.EPERM || said == syscall.EACCES {
		return ": run it as root"
	}
	return ""
}

// hintOfPort is for what cannot be listened on.
func hintOfPort(said syscall.Errno) string {
	switch said {
	case syscall.EACCES, syscall.EPERM:
		return ": ports below 1024 need root or CAP_NET_BIND_SERVICE: choose one from 1024 on"
	case syscall.EADDRINUSE:
		return ": choose another port, or see which program has this one: ss -lntup"
	case syscall.EADDRNOTAVAIL:
		return ": no interface of this host has that address: ip address"
	}
	return ""
}

// hintOfFile is for a file that cannot be opened or made.
func hintOfFile(said syscall.Errno, path string) string {
	dir := filepath.Dir(path)
	switch said {
	case syscall.EACCES, syscall.EPERM:
		return ": run it as who may, or see whose it is: ls -ld " + dir + " " + path
	case syscall.ENOENT:
		return ": see what there is: ls " + dir
	case syscall.ENOSPC:
		return ": see what is full: df " + dir
	case syscall.EROFS:
		return ": name a file elsewhere"
	}
	return ""
}
