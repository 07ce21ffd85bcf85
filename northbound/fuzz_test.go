package northbound

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// FuzzRequest: whatever is asked for, the answer is of the client's making.
func FuzzRequest(f *testing.F) {
	for _, target := range []string{"/", "/api/v1/mappings", "/api/v1/sites/studio", "/api/v1/sites/a%2Fb", "/api/v1/status", "/openapi.json", "/healthz", "//", "/../"} {
		f.Add("GET", target, "")
	}
	for _, query := range []string{"eid=10.1.0.7", "eid=::ffff:10.1.0.7", "eid=::/0", "instance_id=7&limit=3", "cursor=NyAxMC4xLjAuMC8yNA", "limit=1&limit=2", "%zz", "all=true&site=viewers", "=", "eid[]=1"} {
		f.Add("GET", "/api/v1/mappings", query)
	}
	f.Add("POST", "/api/v1/sites", "")
	s, _ := newTestServer(f)
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r := httptest.NewRequest("GET", "http://127.0.0.1:8080/", nil)
		r.Method, r.URL = method, &url.URL{Scheme: "http", Host: r.Host, Path: path, RawQuery: query}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s %q ?%q: %d\n%s", method, path, query, w.Code, w.Body)
		}
	})
}

// FuzzCursor: what is taken for a cursor is one.
func FuzzCursor(f *testing.F) {
	f.Add(encodeCursor(lisp.EID{InstanceID: 7, Prefix: netip.MustParsePrefix("10.1.0.0/24")}))
	f.Add(encodeCursor(lisp.EID{Prefix: netip.MustParsePrefix("2001:db8::/32")}))
	f.Add("")
	f.Add("NyAxMC4xLjAuMS8yNA")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := decodeCursor(text)
		if err != nil {
			return
		}
		if again, err := decodeCursor(encodeCursor(e)); err != nil || again != e {
			t.Fatalf("%q is %v, which comes back as %v, %v", text, e, again, err)
		}
	})
}
