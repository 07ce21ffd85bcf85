package northbound

import (
	"net/http"
	"testing"

	"github.com/corecast/corecast/northbound/auth"
	"github.com/danielgtaylor/huma/v2"
)

// operationsOf are all operations of the OpenAPI document.
func operationsOf(s *Server) []*huma.Operation {
	var list []*huma.Operation
	for _, item := range s.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch, item.Head, item.Options, item.Trace} {
			if op != nil {
				list = append(list, op)
			}
		}
	}
	return list
}

// TestEveryOperationDeclaresItsRole: readers read, and only operators write.
func TestEveryOperationDeclaresItsRole(t *testing.T) {
	s, _ := newTestServer(t)
	list := operationsOf(s)
	if len(list) < 5 {
		t.Fatalf("%d operations", len(list))
	}
	for _, op := range list {
		role, err := auth.RoleOf(op)
		if err != nil {
			t.Errorf("%s %s: %v", op.Method, op.Path, err)
		}
		if reads := op.Method == http.MethodGet; !reads && role < auth.Operator {
			t.Errorf("%s %s writes, and needs %s only", op.Method, op.Path, role)
		}
	}
}
