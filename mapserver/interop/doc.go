// Package interop holds the tests of the Map-Server against an xTR that was
// not written here: OpenOverlayRouter (OOR). It has no code of its own.
//
// The test builds a network of namespaces: a core router, the Map-Server's
// site, and sites with an OOR xTR and a host each. The server is `corecast
// controller`, started as an operator starts it; the hosts ping each other's
// EIDs through LISP. All checks run with RLOCs and Map-Server on IPv4, on IPv6
// and on both, and with EIDs of both families each time. Every packet of the
// core is captured and the LISP control messages are decoded by tshark.
//
// It needs root and `oor` on PATH; without them it is skipped, or fails if
// CORECAST_REQUIRE_OOR is set. `go test -artifacts` keeps the captures. OOR is at
// https://github.com/OpenOverlayRouter/oor and builds on Debian with
//
//	apt-get install build-essential gengetopt libconfuse-dev libzmq3-dev libxml2-dev libcap-dev
//	CFLAGS=-fcommon make && install oor/oor /usr/local/bin/
//
// (-fcommon because its headers define variables, which compilers since GCC 10
// refuse by default). tshark is package tshark.
package interop
