// Package bmv2test builds test networks: switches, hosts and Ethernet segments
// on one machine, so that one list of scenarios can be run on the softswitch
// in memory, on the softswitch on Linux interfaces and on a real
// simple_switch_grpc. `corecast demo` is built on it too.
//
// It owns what it builds: namespaces, interfaces, switch processes and the
// goroutines that move frames, and Close ends them all. It knows nothing of
// what the switches do: it starts them without a program and gives out their
// P4Runtime addresses. The network of the paper's Fig. 2, with the
// configuration that makes a controller program it, is built by NewFig2.
//
// It promises that frames between its members arrive in order and unchanged.
// In memory a sender waits for room, so nothing is lost; Linux ports and bmv2
// drop what they have no room for, therefore hosts on them send at a pace that
// the queues can take.
//
// Targets with Linux ports need root. Each such switch has a network namespace
// of its own, unnamed, so that nothing is left behind whatever happens.
package bmv2test
