// Package softswitch is a P4Runtime switch in pure Go: ports, an engine that
// runs v1model programs compiled to BMv2 JSON, and the P4Runtime server
// that controls it. It stands where bmv2's simple_switch_grpc would.
//
// A Switch owns one goroutine per port. Each receives a batch of frames, runs
// it through the engine under the engine's lock, groups what comes out by
// port and sends it, so frames that came in together leave in order on each
// port. Nothing is allocated per frame. A pipeline pushed over P4Runtime
// replaces the one before between two batches; until there is one, frames are
// dropped and counted.
package softswitch
