package controller

import (
	"strconv"

	"github.com/corecast/corecast/p4/build"
)

// name is the name of number n of a family of the program's, or the number.
func name(family []build.Named, n uint64) string {
	if n < uint64(len(family)) && family[n].Name != "" {
		return family[n].Name
	}
	return strconv.FormatUint(n, 10)
}
