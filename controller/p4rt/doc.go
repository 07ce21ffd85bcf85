// Package p4rt owns the P4Runtime session with one switch: connection,
// arbitration, pipeline, batched writes, reads, packet-ins and packet-outs. It
// knows nothing of CoreCast, and works alike with the softswitch and with
// bmv2's simple_switch_grpc.
//
// Callers speak in names: an Entry, a Group or a Meter names tables, fields, actions
// and parameters, and a Schema (made of the program's P4Info) checks every name and
// width before anything reaches the wire. What a switch holds is read back in
// the same canonical form, so that two objects are equal exactly when Equal
// says so.
//
// It promises that no error is lost: a Write that fails in part returns a
// *WriteError with every refused update, and a session whose stream ends for
// whatever reason closes Done and says why in Err.
//
// It is the only importer of github.com/antoninbas/p4runtime-go-client, which
// it uses for the RPC client and canonical byte strings; the
// rest (stream handling, name resolution, batches, replication, error details)
// is its own, because there the client library loses errors or turns unknown
// names into wildcards.
package p4rt
