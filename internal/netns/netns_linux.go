package netns

import (
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is an unnamed network namespace.
type Namespace struct{ file *os.File }

// New makes a namespace and calls prepare inside it; nil prepares nothing.
func New(prepare func() error) (*Namespace, error) {
	n := new(Namespace)
	err := onOwnThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace (this needs root): %w", err)
		}
		if n.file, err = os.Open("/proc/thread-self/ns/net"); err != nil || prepare == nil {
			return err
		}
		return prepare()
	})
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Close lets the namespace go.
func (n *Namespace) Close() {
	if n.file != nil {
		_ = n.file.Close()
	}
}

// FD is the namespace's file descriptor, good until Close.
func (n *Namespace) FD() int { return int(n.file.Fd()) }

// Path names the namespace in this process, until Close.
func (n *Namespace) Path() string { return fmt.Sprintf("/proc/self/fd/%d", n.FD()) }

// Links returns the namespace's interfaces, addresses and routes. The caller
// closes them.
func (n *Namespace) Links() (*netlink.Handle, error) {
	return netlink.NewHandleAt(netns.NsHandle(n.FD()))
}

// Do calls f inside the namespace, on a thread of its own. Sockets and processes
// that f opens and starts stay in the namespace.
func (n *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter a network namespace: %w", err)
		}
		return f()
	})
}

// onOwnThread calls f on a thread of its own, which ends with it.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is not fit for others
		done <- f()
	}()
	return <-done
}
