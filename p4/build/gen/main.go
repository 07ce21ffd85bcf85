// Command gen rewrites the generated files of package build from the output of
// p4c: `go run ./gen OUTPUT.json OUTPUT.p4info.txtpb` takes over a new
// compilation; without arguments it only regenerates the Go files from what is
// committed. It runs in p4/build.
package main

import (
	"fmt"
	"os"
)

const (
	jsonFile   = "corecast.v1model.json"
	p4infoFile = "corecast.v1model.p4info.txtpb"
	sumFile    = "SOURCES.sha256"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch len(args) {
	case 0:
	case 2:
		if err := takeOver(args[0], args[1]); err != nil {
			return err
		}
	default:
		return fmt.Errorf("usage: gen [OUTPUT.json OUTPUT.p4info.txtpb], got %d arguments", len(args))
	}
	if err := writeIDs("../shared/ids.h", "ids.go"); err != nil {
		return err
	}
	return writeNames(p4infoFile, "names.go")
}
