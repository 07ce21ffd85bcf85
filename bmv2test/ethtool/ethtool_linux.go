package ethtool

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// commands are the kernel's, to read and to set each offload, in the order in
// which they can be switched off.
var commands = []struct {
	offload  Offload
	get, set uint32
}{
	{TSO, unix.ETHTOOL_GTSO, unix.ETHTOOL_STSO},
	{TxChecksum, unix.ETHTOOL_GTXCSUM, unix.ETHTOOL_STXCSUM},
	{GSO, unix.ETHTOOL_GGSO, unix.ETHTOOL_SGSO},
	{GRO, unix.ETHTOOL_GGRO, unix.ETHTOOL_SGRO},
}

// value is the kernel's struct ethtool_value.
type value struct{ cmd, data uint32 }

// request is the kernel's struct ifreq as SIOCETHTOOL reads it.
type request struct {
	name [unix.IFNAMSIZ]byte
	data *value
	_    [16]byte
}

// On returns which offloads of an interface are on.
func On(name string) (on []Offload, err error) {
	err = with(func(fd int) error {
		for _, c := range commands {
			data, err := do(fd, name, c.get, 0)
			if err != nil {
				return err
			}
			if data != 0 {
				on = append(on, c.offload)
			}
		}
		return nil
	})
	return on, err
}

// Off switches offloads of an interface off: those that are named, or all. One
// that the driver does not have is off.
func Off(name string, named ...Offload) error {
	return with(func(fd int) error {
		for _, c := range commands {
			if len(named) > 0 && !slices.Contains(named, c.offload) {
				continue
			}
			if _, err := do(fd, name, c.set, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

func with(use func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return use(fd)
}

func do(fd int, name string, cmd, data uint32) (uint32, error) {
	if len(name) >= unix.IFNAMSIZ {
		return 0, fmt.Errorf("interface %s: names have at most %d bytes", name, unix.IFNAMSIZ-1)
	}
	v := value{cmd, data}
	r := request{data: &v}
	copy(r.name[:], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	if errno != 0 && errno != unix.EOPNOTSUPP {
		return 0, fmt.Errorf("interface %s: %w", name, errno)
	}
	return v.data, nil
}
