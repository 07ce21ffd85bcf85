package input

import "os"

// stream is a pipe: its bytes come when their writer sends them, and the writer
// waits while nobody reads.
type stream struct {
	*os.File
	name string
}

func (s *stream) Name() string { return s.name }
func (s *stream) Live() bool   { return false }

// openStdin opens standard input. Redirected from a file, it is that file.
//
// A pipe is opened anew by its path where that works: os.Stdin itself belongs
// to whoever started us, and may not be switched to the non-blocking mode in
// which Close can end a Read.
func openStdin(opts Options) (Input, error) {
	const name = "standard input"
	if info, err := os.Stdin.Stat(); err == nil && !info.Mode().IsRegular() {
		if f, err := os.Open("/dev/stdin"); err == nil {
			return fromFile(f, name, opts)
		}
	}
	return fromFile(os.Stdin, name, opts)
}
