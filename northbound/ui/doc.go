// Package ui is the dashboard: the pages that a browser shows at / of a
// controller, with numbers that follow the network once a second.
//
// It owns no state of the network: a Source tells it everything, at the moment
// that it is asked. What is promised:
//
//   - Everything comes from this binary: no page asks another host for anything,
//     and the Content-Security-Policy forbids it.
//   - Whatever a name contains, it is shown as text.
//   - Pages are whole without JavaScript; what JavaScript adds is that they follow
//     by themselves (htmx, server-sent events) and draw history (uPlot).
//   - A number that is old, or that only another controller has, is never shown as
//     if it were this one's and of now.
//   - A form asks for every part of a spec, and never shows a secret.
//   - A page holds one stream; streams are bounded in number, and one whose
//     browser does not read ends.
package ui
