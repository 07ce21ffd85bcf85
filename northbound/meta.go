package northbound

import (
	"fmt"

	"github.com/corecast/corecast/northbound/api"
)

// fileMeta is that of the i-th object of a list of the configuration file.
func (s *Server) fileMeta(list string, i int) api.Meta {
	return api.Meta{Origin: api.FromFile, At: s.opts.Config().Origin(fmt.Sprintf("%s[%d]", list, i))}
}
