// Package inventory owns the desired state: the objects (switches, sites and
// channels) of the configuration file and those made over REST, as one complete
// configuration.
//
// It owns the keys under config/ of the store. It promises:
//
//   - What Do acknowledged is durable, and an event of it is in the log: one
//     transaction holds the object, the event and config/generation, which every
//     transaction of any controller raises, so that two that were checked apart
//     cannot both come to be.
//   - An object is checked as one of the file is, beside all others, before it is
//     stored. What changes one channel costs the same beside ten thousand others.
//   - Objects of the file are changed by the file alone, and the file changes no
//     others. Where the two contradict each other the file is right: a stored
//     object that does not fit is kept, out of use, and says why.
//   - Reserved EIDs that were chosen for channels stay theirs.
//   - Secrets come in and never go out: what is read has none.
//
// One goroutine, Run, changes everything; changes that wait for it share a
// transaction. Another hands what has changed to Apply and ApplyChannels, behind the
// acknowledgment.
package inventory
