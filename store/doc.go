// Package store owns durable state: small values under slash-separated keys,
// with one revision counter for the whole store, transactions conditioned on
// revisions, watches and leases. It knows nothing of what it stores.
//
// Store is the interface, Open makes one from the configuration's store: value.
// File keeps one node's state in a bbolt file, Etcd that of several in an etcd
// cluster; Memory keeps it nowhere, for tests. Everything that implements Store
// passes store/storetest. WriteBackup and Restore carry the state of any to any.
//
// What is promised:
//
//   - A Commit that returned a revision is durable, all of it, and survives
//     kill -9 and power loss. After an ErrUnknown it may or may not have
//     happened; after any other error nothing has changed.
//   - A transaction is seen whole or not at all, by readers and by watches.
//   - A watch sees every change of its prefix after the revision it was asked
//     to start at, once and in order, or ends with ErrCompacted.
//   - A store of a schema that this program does not know is left alone.
//
// A Writer is for soft state, that its owner can lose: it never waits for the
// disk, and what it has not flushed yet is lost in a crash.
package store
