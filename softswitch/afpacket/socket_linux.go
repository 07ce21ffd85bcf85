package afpacket

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newSocket makes a raw socket that hears nothing yet, under the runtime's
// poller so that Close ends a wait.
func newSocket() (*os.File, syscall.RawConn, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "af_packet")
	conn, err := f.SyscallConn()
	return f, conn, err
}

// setUpReceiver sets every option before it binds, so that no frame of another
// interface, and none of our own, is ever heard.
func setUpReceiver(fd, index, buffer int) error {
	ints := []struct {
		name       string
		level, opt int
	}{
		{"PACKET_IGNORE_OUTGOING (Linux 4.20)", unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING},
		{"PACKET_AUXDATA", unix.SOL_PACKET, unix.PACKET_AUXDATA},
		{"PACKET_VNET_HDR", unix.SOL_PACKET, unix.PACKET_VNET_HDR},
	}
	for _, o := range ints {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, 1); err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, buffer)
	promiscuous := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
		return fmt.Errorf("set promiscuous: %w", err)
	}
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index}))
}

func setUpSender(fd, index, buffer int) error {
	// Past the queueing discipline: a switch port has no use for one. Not
	// every device can, and then it works without.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, buffer)
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index}))
}

// setBuffer asks for a size; less than asked for is no reason to fail.
func setBuffer(fd, force, ask, size int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, ask, size)
	}
}

func networkOrder(v uint16) uint16 {
	var b [2]byte
	b[0], b[1] = byte(v>>8), byte(v)
	return *(*uint16)(unsafe.Pointer(&b))
}

// interfaceIndex and interfaceExists ask through a socket, hence in the
// network namespace the socket was made in.
func interfaceIndex(conn syscall.RawConn, name string) (index int, err error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("not an interface name: %w", err)
	}
	err = control(conn, func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req) })
	return int(req.Uint32()), err
}

func interfaceExists(conn syscall.RawConn, index int) error {
	req, err := unix.NewIfreq("any")
	if err != nil {
		return err
	}
	req.SetUint32(uint32(index))
	return control(conn, func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req) })
}

func control(conn syscall.RawConn, f func(fd int) error) error {
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// inNetNS runs f with its thread in the network namespace at path. A thread
// that cannot come back is left locked, and dies with its goroutine.
func inNetNS(path string, f func() error) error {
	if path == "" {
		return f()
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			result <- err
			return
		}
		defer home.Close()
		target, err := os.Open(path)
		if err != nil {
			result <- err
			return
		}
		defer target.Close()
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter network namespace %s: %w", path, err)
			return
		}
		err = f()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}

// explain adds the fix to the errors people meet.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: run as root or give the program CAP_NET_RAW", err)
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("%w: ip link shows the interfaces there are", err)
	}
	return err
}
