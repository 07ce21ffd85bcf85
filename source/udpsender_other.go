//go:build !linux

package source

import "net"

// neverFragment leaves the host's own way.
func neverFragment(*net.UDPConn) error { return nil }

// pathMTU is not known.
func pathMTU(*net.UDPConn) int { return 0 }
