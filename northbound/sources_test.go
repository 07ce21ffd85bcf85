package northbound

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/northbound/api"
)

// TestViewers takes what a source reports, and forgets it in time.
func TestViewers(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	report := func(name, body string) *http.Response {
		return write(s, "PUT", "/api/v1/sources/"+name+"/report", body)
	}
	viewer := func(eid string, port int) string {
		return fmt.Sprintf(`{"eid":%q,"port":%d,"corecast":true,"since":"2030-01-02T03:04:05Z"}`, eid, port)
	}
	if resp := report("s1", `{"interval_seconds":10,"channels":[{"name":"radio","payloads":7,"bytes":9000,"headers":21,"unicast":0,"more":2,"viewers":[`+
		viewer("10.0.0.9", 5004)+","+viewer("10.5.0.9", 5004)+","+viewer("10.5.0.9", 5003)+`]}]}`); resp.StatusCode != 204 {
		t.Fatal(resp.Status)
	}
	page := get[api.Viewers](t, s, "/api/v1/viewers?channel=radio&limit=2")
	if len(page.Items) != 2 || page.Total != 5 || page.Items[0].Site != "studio" || page.Items[1].Port != 5003 || page.Items[1].Site != "rome" || page.NextCursor == "" {
		t.Errorf("%+v", page)
	}
	page = get[api.Viewers](t, s, "/api/v1/viewers?channel=radio&limit=2&cursor="+page.NextCursor)
	if len(page.Items) != 1 || page.Items[0].Port != 5004 || page.Items[0].Source != "s1" || page.NextCursor != "" {
		t.Errorf("%+v", page)
	}
	for query, want := range map[string]int{"?source=s1": 3, "?source=s2": 0, "?channel=jazz": 0} {
		if page := get[api.Viewers](t, s, "/api/v1/viewers"+query); len(page.Items) != want {
			t.Errorf("%s: %d viewers, want %d", query, len(page.Items), want)
		}
	}
	if page := get[api.Viewers](t, s, "/api/v1/viewers?site=rome"); len(page.Items) != 2 || page.Total != 2 {
		t.Errorf("%+v", page)
	}
	if list := get[api.Sources](t, s, "/api/v1/sources"); len(list.Items) != 1 || list.Items[0].Channels[0].Viewers != 5 || list.Items[0].Channels[0].Headers != 21 {
		t.Errorf("%+v", list)
	}
	for _, bad := range []string{`{`, `{}`, `{"interval_seconds":0,"channels":[]}`, `{"interval_seconds":1,"channels":[{"name":"x"}]}`, `{"interval_seconds":1,"channels":[],"x":1}`} {
		if resp := report("s1", bad); resp.StatusCode != 422 && resp.StatusCode != 400 {
			t.Errorf("%s: %s", bad, resp.Status)
		}
	}
	if resp := report("S%201", `{"interval_seconds":1,"channels":[]}`); resp.StatusCode < 400 {
		t.Errorf("a name with a space: %s", resp.Status)
	}
	if v, err := s.viewers(&viewersInput{PageInput: PageInput{Limit: 10}}, time.Now().Add(31*time.Second)); err != nil || len(v.Items) != 0 || s.sources.viewers != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestReportsAreBounded(t *testing.T) {
	src, now := newSources(), time.Now()
	for i := range maxSources {
		if err := src.put(fmt.Sprint(i), api.SourceReport{Interval: 10}, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := src.put("one more", api.SourceReport{Interval: 10}, now); err == nil {
		t.Error("takes any number of sources")
	}
	many := api.SourceReport{Interval: 10, Channels: []api.SourceChannel{{Viewers: make([]api.SourceViewer, maxViewers)}}}
	if err := src.put("0", many, now); err != nil {
		t.Error(err)
	}
	if err := src.put("0", many, now); err != nil {
		t.Error("a report does not replace the one before:", err)
	}
	if err := src.put("1", many, now); err == nil {
		t.Error("takes any number of viewers")
	}
}

func TestStreamsAndDrops(t *testing.T) {
	s, f := newTestServer(t)
	makeRome(t, s)
	answerOf[api.Site](t, write(s, "PUT", "/api/v1/sites/oslo", `{"eid_prefixes":["10.6.0.0/16"],"rlocs":[{"address":"192.0.2.66"}],"corecast":true}`), 201)
	answerOf[api.Switch](t, write(s, "PUT", "/api/v1/switches/etr6", strings.NewReplacer("rome", "oslo", "10.5.", "10.6.", "2.55", "2.66", "9570", "9571").Replace(romeSwitch)), 201)
	deadline := time.Now().Add(patience)
	for len(f.controller.Received()) < 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	list := get[api.Streams](t, s, "/api/v1/streams?channel=radio&switch=etr6")
	if len(list.Items) != 1 || list.Items[0].Site != "oslo" || list.Items[0].Slot < 0 || list.Items[0].Delivery != "unicast" || len(list.Items[0].RLOCs) != 2 {
		t.Errorf("%+v", list)
	}
	if page := get[api.Streams](t, s, "/api/v1/streams?limit=1"); len(page.Items) != 1 || page.NextCursor == "" {
		t.Errorf("%+v", page)
	} else if page = get[api.Streams](t, s, "/api/v1/streams?limit=1&cursor="+page.NextCursor); len(page.Items) != 1 || page.NextCursor != "" {
		t.Errorf("%+v", page)
	}
	drops := get[api.Drops](t, s, "/api/v1/drops?switch=itr5")
	if len(drops.Items) != 1 || drops.Items[0] != (api.Drop{Switch: "itr5", Reason: "not_ip", Packets: 3, Bytes: 180}) {
		t.Errorf("%+v", drops)
	}
}
