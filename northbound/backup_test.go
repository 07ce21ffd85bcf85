package northbound

import (
	"net/http"
	"strings"
	"testing"

	"github.com/corecast/corecast/store"
)

func TestBackup(t *testing.T) {
	s, _ := newTestServer(t)
	if resp := ask(s, "GET", "/api/v1/backup"); resp.StatusCode != http.StatusConflict {
		t.Errorf("without a store: %s", resp.Status)
	}
	held := store.NewMemory()
	defer held.Close()
	for _, key := range []string{"config/sites/a", "config/sites/b", "cluster/epoch"} {
		if _, err := store.Put(t.Context(), held, key, []byte("value")); err != nil {
			t.Fatal(err)
		}
	}
	s.opts.Store = held
	resp := ask(s, "GET", "/api/v1/backup")
	info, err := store.ReadBackup(resp.Body)
	if err != nil || info.Entries != 2 || info.LeftOut != 1 || resp.Header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment; filename=\"corecast-") || resp.ContentLength < 100 {
		t.Errorf("%+v, %v, %+v", info, err, resp.Header)
	}
	s.backingUp.Lock()
	if resp := ask(s, "GET", "/api/v1/backup"); resp.StatusCode != http.StatusConflict {
		t.Errorf("while another is made: %s", resp.Status)
	}
	s.backingUp.Unlock()
	if resp := ask(s, "GET", "/api/v1/backup?key=a"); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("of a part: %s", resp.Status)
	}
	held.Close()
	if resp := ask(s, "GET", "/api/v1/backup"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("of a store that fails: %s", resp.Status)
	}
}
