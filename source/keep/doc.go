// Package keep is what a source keeps of a channel in a store, so that another
// run of it, or a standby, can go on where it stopped: the viewers' leases, the
// key that signs their ids, and how far sequence numbers may have been used.
//
//	source/channels/NAME/active           whose turn it is (see package turn)
//	source/channels/NAME/key              32 bytes
//	source/channels/NAME/sequence         64 bits: no number from here on was used
//	source/channels/NAME/viewers/ID       a lease (JSON); ID in 16 hex digits
//	source/channels/NAME/renewals/TIME    renewals since: see encodeRenewals
//
// A Follower reads it, and goes on reading while another one writes. A Writer
// writes it. It promises that
//   - the stream and the joins never wait for the store: what changes is noted,
//     and written by a goroutine of its own, many changes in a transaction;
//   - what is noted is bounded, and written as it is when it is written, so that
//     what is read back is what was, at most an interval before the end;
//   - a sequence number is used once, whatever happens;
//   - a Writer writes while it has the turn, and not one transaction longer.
package keep
