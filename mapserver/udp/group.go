package udp

import (
	"errors"
	"net/netip"
)

// OpenGroup binds n sockets to one address, for a worker each: the kernel
// spreads senders over them. Where sockets cannot share an address there is
// one.
//
// The first is bound as if it were alone: otherwise a second Map-Server that
// is started by mistake would not be refused, but take some of the senders
// away from the first.
func OpenGroup(address netip.AddrPort, n, bufferSize int) ([]*Socket, error) {
	first, err := OpenSocket(address, bufferSize)
	if err != nil {
		return nil, err
	}
	group := []*Socket{first}
	if !canSharePort || n == 1 {
		return group, nil
	}
	if err := control(first.raw, sharePort); err != nil {
		return nil, errors.Join(err, closeAll(group))
	}
	for len(group) < n {
		next, err := openSocket(first.local, bufferSize, sharePort)
		if err != nil {
			return nil, errors.Join(err, closeAll(group))
		}
		group = append(group, next)
	}
	return group, nil
}

func closeAll(sockets []*Socket) error {
	var errs []error
	for _, s := range sockets {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
