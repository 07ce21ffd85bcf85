// Package netns makes network namespaces for tests and test networks. A
// Namespace belongs to who made it, and is gone when it is closed and the last
// process in it has ended. It has no name in /run/netns: nothing is left behind
// by a program that dies.
//
// Making one needs root or CAP_SYS_ADMIN; without, New returns an error that is
// os.ErrPermission. There are namespaces on Linux only.
package netns
