//go:build !linux

package gso

import "net"

// NeverFragment leaves the host's own way.
func NeverFragment(*net.UDPConn) error { return nil }

// PathMTU is not known.
func PathMTU(*net.UDPConn) int { return 0 }

// SetTTL leaves the host's own.
func SetTTL(*net.UDPConn, int) error { return nil }
