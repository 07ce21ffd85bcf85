// Package northbound serves the REST API, metrics and health checks of a
// controller over HTTP.
//
// It owns no state: what it tells it asks the controller and the Map-Server for
// when it is asked. What is promised:
//
//   - The types of northbound/api are the API: the OpenAPI document is generated
//     from them, and every answer is one of them, or a problem of RFC 9457 that
//     names the field, the value and the fix.
//   - An unknown path, parameter or value is an error, never ignored.
//   - Without credentials it listens on loopback only, and answers only requests
//     that were sent to a loopback name; with them it asks everybody who they are.
//   - What a client can make it hold is bounded: connections, heads, bodies, pages,
//     and the time for each.
//   - Bad input is refused, counted by its reason (auth.Reason), and logged without
//     what may be secret in it: also what net/http refuses before a handler sees it.
package northbound
