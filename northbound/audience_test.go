package northbound

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/northbound/ui"
)

// TestAudiences adds up what two sources report of a channel, by the sites of the
// viewers, until they no longer do.
func TestAudiences(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	a := &audiences{server: s}
	if got := a.of(time.Now()); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for name, viewers := range map[string]string{
		"s1": `{"eid":"10.0.0.9","port":5004,"corecast":true,"since":"2030-01-02T03:04:05Z"},{"eid":"10.5.0.9","port":5004,"since":"2030-01-02T03:04:05Z"}`,
		"s2": `{"eid":"10.5.0.7","port":5004,"corecast":true,"since":"2030-01-02T03:04:05Z"},{"eid":"198.51.100.7","port":5004,"since":"2030-01-02T03:04:05Z"}`,
	} {
		body := `{"interval_seconds":10,"channels":[{"name":"radio","payloads":7,"bytes":9000,"headers":21,"unicast":0,"more":2,"viewers":[` + viewers + `]}]}`
		if resp := write(s, http.MethodPut, "/api/v1/sources/"+name+"/report", body); resp.StatusCode != http.StatusNoContent {
			t.Fatal(resp.Status)
		}
	}
	now := time.Now().Add(audiencePeriod) // what was added up is too old by then
	radio := a.of(now)["radio"]
	want := map[string]ui.Viewers{"studio": {CoreCast: 1}, "rome": {CoreCast: 1, Unicast: 1}, "": {Unicast: 1}}
	if radio == nil || !maps.Equal(radio.Sites, want) || radio.More != 4 || radio.Total() != 8 || !slices.Equal(radio.Sources, []string{"s1", "s2"}) {
		t.Errorf("%+v", radio)
	}
	if again := a.of(now)["radio"]; again != radio {
		t.Error("it adds up again at once")
	}
	if later := a.of(now.Add(31 * time.Second)); len(later) != 0 {
		t.Errorf("of reports that are over: %v", later)
	}
}
