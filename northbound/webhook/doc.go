// Package webhook tells HTTP servers what happened, a POST for each batch of
// events:
//
//	{"hook": "pager", "missed": false, "events": [{"id": "1834.0", …}]}
//
// It owns how far each hook has been told, under webhooks/ of the store. What is
// promised:
//
//   - Events come in their order, and none is left out but those that the log no
//     longer has (then missed is true) and those that the server refuses again and
//     again: both are counted.
//   - An event may come twice, never a later one before it: what was told is
//     remembered after the answer, also by the next controller and after a crash.
//   - Requests are signed (credential.Sign), go nowhere else than to the URL, and
//     take a bounded time. A server that does not answer is asked less and less
//     often, and holds up nobody but itself.
//   - Hooks can be changed while they are told: nothing is told twice or left out
//     because of it.
//   - Of several controllers with one store, one tells each hook.
package webhook
