// Package etcdtest runs clusters of real etcd members for tests: separate
// processes on loopback, that a test kills, restarts, freezes and cuts off from
// each other and from their clients.
//
// It needs Go and nothing else: etcd is a tool of this module (go tool -n builds
// it once into Go's build cache), or the binary that CORECAST_ETCD names. No
// package imports it but tests.
//
// Members listen on Unix sockets, and all that reaches them comes through TCP
// proxies of the test's own process: so no two tests can want the same port, and
// every path can be cut. A cluster ends with its test, and when the test's
// process dies.
package etcdtest
