// Package auth says who asks the REST API, and what they may do.
//
// It owns roles and principals, the tokens of a file, the certificates, the
// issuer of JWTs, and the rates at which all of these are taken. What is
// promised:
//
//   - An operation that declares no role can be asked by nobody, and a context
//     that nobody put a principal into has one without any role.
//   - Who is not clearly known is refused, and told what would be right; never is
//     a secret in what is told or logged.
//   - Wrong credentials cost a bounded time and memory, and lock nobody else out.
//   - What cannot be used when it is read again changes nothing.
package auth
