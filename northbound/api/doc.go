// Package api holds the types of the REST API: what northbound serves, what
// northbound/client returns, and what the OpenAPI document is generated from. It
// owns their JSON names, which stay as they are within /api/v1; new ones may be
// added.
//
// Field names of what goes over the wire are RFC 9301's.
package api
