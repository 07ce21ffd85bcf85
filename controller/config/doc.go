// Package config owns the configuration file: its schema, its strict decoding
// and everything that can be known to be wrong with it before a switch is
// touched.
//
// Load and Decode either return a Config that is complete (defaults filled in,
// omitted reserved EIDs allocated) and consistent, or an *Error that lists
// every problem found, each as `file:line: key: what is wrong; what would be
// right`. A Config may equally be built from Go structs; Complete then does
// the same checks and names objects by their path.
//
// The package promises to be deterministic: the same file gives the same
// Config, allocations included.
package config
