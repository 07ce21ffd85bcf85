package input

import "os"

// FromPipe makes an input of a pipe, as Open("-") does of standard input.
func FromPipe(r *os.File) (Input, error) { return fromFile(r, "pipe", Options{}) }
