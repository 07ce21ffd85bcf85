package northbound

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/corecast/corecast/northbound/auth"
	"github.com/danielgtaylor/huma/v2"
)

// guard is around everything: it bounds bodies, keeps browsers in check,
// refuses requests that were sent to another host, and turns panics into
// answers.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				s.log.Error("panic", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				problem(w, http.StatusInternalServerError, "the controller failed to answer; its log says why")
			}
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		if !isLoopback(r.Host) {
			// A page that a browser has open may have had its name resolve to
			// 127.0.0.1, to read what only this host may.
			problem(w, http.StatusMisdirectedRequest,
				fmt.Sprintf("Host %q is not a loopback name: ask for http://127.0.0.1 or http://localhost", r.Host))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		next.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), auth.Local)))
	})
}

// isLoopback reports whether a Host header names this host alone.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

// problem answers with a problem of RFC 9457, as huma does.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // the client may be gone
}

// notFound answers what no other pattern of mux takes.
func notFound(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		get := r.Clone(r.Context())
		get.Method = http.MethodGet
		if _, pattern := mux.Handler(get); pattern != "/" {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s %s: the API is read-only: use GET", r.Method, r.URL.Path))
			return
		}
		problem(w, http.StatusNotFound, fmt.Sprintf("there is no %s: /openapi.json lists what there is", r.URL.Path))
	}
}
