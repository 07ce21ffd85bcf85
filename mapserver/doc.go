// Package mapserver is a LISP Map-Server and Map-Resolver (RFC 9301) with
// PubSub (RFC 9437), as a state machine that does no I/O.
//
// It owns the mapping database: which locators an EID-prefix has, who
// registered it, until when, and whom to tell when that changes. Packets go in
// by Server.Handle and come out in an Outbox; time goes in by Server.Tick.
// Package mapserver/udp gives it sockets.
//
// What is promised:
//
//   - A packet that is not valid and authentic changes nothing and is answered
//     by silence; a counter and, for Map-Registers, a reason in words tell why.
//   - A Map-Request that comes after a Map-Notify was made sees what it
//     acknowledged.
//   - What any sender can make the server remember is bounded, and so is the
//     work that forged Map-Registers cost.
//   - Answering a Map-Request from the database allocates nothing.
//
// docs/design/0004-map-server.md says how and why.
package mapserver
