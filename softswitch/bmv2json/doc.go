// Package bmv2json decodes the BMv2 JSON format that p4c's bmv2 backends
// write (p4lang/behavioral-model, docs/JSON_format.md, version 2.x).
//
// It owns the syntax only: Decode turns the bytes into Go values, resolves
// nothing, and promises that every Value it returns has a known Kind and the
// members of that Kind. What the names refer to, and whether an operation is
// supported, is its caller's business; the source positions that an error
// message needs are kept. Attributes that it does not know are ignored, as in
// bmv2, because p4c adds annotations freely.
package bmv2json
