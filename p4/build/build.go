// Package build holds what p4c makes of the P4 program, and the program's
// names and numbers as Go constants.
//
// It owns the committed compiler output: the BMv2 JSON, the P4Info, the hash of
// the sources they were made from (a test compares it with the sources beside
// it, so stale output cannot land) and the generated files ids.go and names.go.
// `make p4` rewrites all of them; it needs p4c. Nothing here is edited by hand
// but this file.
package build

//go:generate go run ./gen

import (
	_ "embed"
	"fmt"

	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	"google.golang.org/protobuf/encoding/prototext"
)

//go:embed corecast.v1model.json
var deviceConfig []byte

//go:embed corecast.v1model.p4info.txtpb
var p4Info []byte

// DeviceConfig returns the program for bmv2 and the softswitch: BMv2 JSON
// without source positions. The caller must not change it.
func DeviceConfig() []byte { return deviceConfig }

// P4Info returns a fresh copy of the program's P4Info.
func P4Info() *p4configv1.P4Info {
	info := new(p4configv1.P4Info)
	// p4c writes fields of P4Runtime 1.5 that our generated types (1.4) lack.
	if err := (prototext.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(p4Info, info); err != nil {
		// The text is part of the binary and checked by a test.
		panic(fmt.Sprintf("embedded P4Info: %v", err))
	}
	return info
}
