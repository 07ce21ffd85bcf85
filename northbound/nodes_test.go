package northbound

import (
	"errors"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/northbound/api"
)

func TestNodes(t *testing.T) {
	s, _ := newTestServer(t)
	if st := get[api.Status](t, s, "/api/v1/status"); len(st.Nodes) != 0 || !st.OK {
		t.Errorf("a node alone: %+v", st)
	}
	f := &fakeCluster{nodes: []cluster.Member{
		{ID: "1", Name: "a", URL: "http://127.0.0.1:1", Since: start, Switches: "x", Masters: 3},
		{ID: "2", Name: "b", Since: start, Switches: "x"},
	}}
	s.opts.Cluster = f
	st := get[api.Status](t, s, "/api/v1/status")
	want := api.Node{Name: "a", URL: "http://127.0.0.1:1", Since: start, Masters: 3, Self: true}
	if !st.OK || len(st.Nodes) != 2 || st.Nodes[0] != want || st.Nodes[1].Self {
		t.Errorf("%+v", st)
	}
	f.nodes[1].Switches = "y"
	if st := get[api.Status](t, s, "/api/v1/status"); st.OK || st.Problems[0].What != "node b" || !strings.Contains(st.Problems[0].Why, "other switches than node a") {
		t.Errorf("a node with other switches: %+v", st.Problems)
	}
	f.err = errors.New("no such lease")
	if st := get[api.Status](t, s, "/api/v1/status"); st.Problems[0].What != "node a" || !strings.Contains(st.Problems[0].Why, "no such lease") {
		t.Errorf("a node that is not part: %+v", st.Problems)
	}
}
