package build

// Named is the name of a number, as it appears in statistics and on the command
// line, and what it means in a line.
type Named struct{ Name, Doc string }
