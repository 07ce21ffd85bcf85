// Package auth says who asks the REST API, and what they may do.
//
// It owns roles, principals and what each operation needs. What is promised:
//
//   - An operation that declares no role can be asked by nobody.
//   - A context that nobody put a principal into has one without any role.
package auth
