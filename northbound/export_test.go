package northbound

import (
	"net/http"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/corecast/corecast/northbound/api"
	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

func TestExport(t *testing.T) {
	s, _ := newTestServer(t)
	x := get[api.Export](t, s, "/api/v1/switches/itr/export")
	var info p4configv1.P4Info
	var write p4v1.WriteRequest
	if err := prototext.Unmarshal([]byte(x.P4Info), &info); err != nil || len(info.Tables) == 0 {
		t.Errorf("p4info: %v, %d tables", err, len(info.Tables))
	}
	if len(x.WriteRequests) != 1 || x.Updates != 1 || x.Held || x.Switch != "itr" || x.DeviceID != 1 {
		t.Fatalf("%d requests, %d updates, %+v", len(x.WriteRequests), x.Updates, x)
	}
	if err := prototext.Unmarshal([]byte(x.WriteRequests[0]), &write); err != nil || len(write.Updates) != 1 {
		t.Errorf("request: %v, %v", err, &write)
	}
	for target, want := range map[string]int{
		"/api/v1/switches/itr/export?held=true": http.StatusConflict,
		"/api/v1/switches/nosuch/export":        http.StatusNotFound,
	} {
		if resp := ask(s, "GET", target); resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", target, resp.Status, want)
		}
	}
}
