//go:build !linux

package station

import "net/netip"

// checkRoute cannot tell here.
func checkRoute(_, _ netip.Addr) error { return nil }

// vethTo: there is nothing like that here.
func vethTo(netip.Addr) string { return "" }
