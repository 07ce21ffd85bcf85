//go:build !linux

package bench

import (
	"errors"
	"net"
)

// bareLoops needs UDP_SEGMENT.
func bareLoops(*net.UDPAddr) (segmented, each *sending, err error) {
	return nil, nil, errors.New("sources are measured on Linux only: there is no UDP_SEGMENT to compare with here")
}
