// Package contract checks a running REST API against the OpenAPI document that it
// serves, as an outsider would: over HTTP, knowing nothing but that document.
//
// It owns the requests that it derives from the document for every operation:
// valid ones, ones that are wrong in each way the schemas tell of, of nobody, of
// somebody without the role, for what is not there, with a stale ETag, against
// an object of the configuration file, and random ones. It promises that every
// answer was compared with the document: its status, its content type, its body.
//
// It is for tests; no program imports it.
package contract
