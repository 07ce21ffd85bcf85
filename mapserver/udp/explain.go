package udp

import (
	"errors"
	"fmt"
	"syscall"
)

// explain adds the fix to the errors that people meet when they listen.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another program, perhaps another Map-Server, holds it (`ss -ulpn` shows which): stop that or choose another address", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine does not have that address (`ip address` shows those it has): add it to an interface, or listen on 0.0.0.0 or [::]", err)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: ports below 1024 need root or CAP_NET_BIND_SERVICE: use LISP's port 4342 or one above", err)
	case errors.Is(err, syscall.EAFNOSUPPORT):
		return fmt.Errorf("%w: this machine does not have that IP version: leave the address out", err)
	}
	return err
}
