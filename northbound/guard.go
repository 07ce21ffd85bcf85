package northbound

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/corecast/corecast/northbound/auth"
)

// guard is around everything: it bounds bodies, keeps browsers in check, and
// turns panics into answers.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken(r.Context())
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				s.log.Error("panic", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				problem(w, http.StatusInternalServerError, "the controller failed to answer; its log says why")
			}
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		// In a copy: net/http closes a connection with an unread body only if it
		// finds its own in the request, else it reads the rest as the next
		// request.
		bounded := *r
		bounded.Body = &body{ReadCloser: http.MaxBytesReader(w, r.Body, maxBodyBytes), failed: func(err error) {
			no := bodyRefusal(err, maxBodyBytes)
			s.note(no.Reason, r.RemoteAddr, r.Method, no.Detail)
		}}
		next.ServeHTTP(w, &bounded)
	})
}

// admit lets requests in that are to this host, of a page of this host if of any,
// and of somebody who may ask at all.
func (s *Server) admit(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.inspect(r)
		if err == nil {
			err = originOf(crossOrigin, r)
		}
		if err == nil && isRead(r) && (r.URL.Path == "/healthz" || r.URL.Path == "/readyz") {
			next.ServeHTTP(w, r)
			return
		}
		var who auth.Principal
		if err == nil {
			who, err = s.gate.Admit(r)
		}
		if err == nil {
			err = mayWrite(who, r)
		}
		if err != nil {
			s.refused(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), who)))
	})
}

// inspect refuses what nobody sends who means well.
func (s *Server) inspect(r *http.Request) error {
	if !s.gate.Asks() && !isLoopback(r.Host) {
		// A page that a browser has open may have had its name resolve to
		// 127.0.0.1, to read what only this host may.
		return &auth.Refusal{Status: http.StatusMisdirectedRequest, Reason: auth.ReasonHost,
			Detail: fmt.Sprintf("Host %.100q is not a loopback name: ask for http://127.0.0.1 or http://localhost", r.Host)}
	}
	if len(r.TransferEncoding) > 0 {
		// There may have been a Content-Length too, which net/http takes away
		// unseen. A proxy that heeds it sees other requests after this one than we
		// would (RFC 9112, section 6.3).
		return &auth.Refusal{Status: http.StatusLengthRequired, Reason: auth.ReasonChunked,
			Detail: "the body comes in chunks, which proxies may read otherwise: send it whole, with Content-Length"}
	}
	if odd := oddPath(r.URL); odd != "" {
		return &auth.Refusal{Status: http.StatusBadRequest, Reason: auth.ReasonPath,
			Detail: "the path " + odd + ": write it as /openapi.json has it; names have the characters a to z, 0 to 9, '.', '_' and '-'"}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if hasSecret(r.URL, query) {
		return &auth.Refusal{Status: http.StatusBadRequest, Reason: auth.ReasonURL,
			Detail: "there is a secret in the URL, where proxies and browsers keep it: consider it stolen, and send the next as Authorization: Bearer …"}
	}
	if err != nil {
		return &auth.Refusal{Status: http.StatusBadRequest, Reason: auth.ReasonPath,
			Detail: "the query has a semicolon, or a % that begins no escape: separate parameters by &, and write these as %3B and %25"}
	}
	return nil
}

// oddPath says what of a path proxies and servers may understand differently;
// empty if there is nothing.
func oddPath(u *url.URL) string {
	escaped := strings.ToLower(u.EscapedPath())
	strange := func(c rune) bool { return c < ' ' || c > '~' || c == '\\' || c == '%' }
	switch {
	case len(u.Path) > maxPathBytes:
		return fmt.Sprintf("has more than %d bytes", maxPathBytes)
	case strings.Contains(u.Path, "//") || hasDots(u.Path):
		return "has empty or dotted segments"
	case strings.Contains(escaped, "%2f"):
		return "has an escaped slash"
	case strings.ContainsFunc(u.Path, strange):
		return "has a character that no path here has"
	}
	return ""
}

// hasSecret reports whether a token is in a URL, or something in the place of one.
func hasSecret(u *url.URL, query url.Values) bool {
	for name := range query {
		if isSecretName(name) {
			return true
		}
	}
	unescaped, err := url.QueryUnescape(u.RawQuery)
	return auth.LooksSecret(u.Path) || auth.LooksSecret(u.RawQuery) || err == nil && auth.LooksSecret(unescaped)
}

// hasDots reports whether a path has a segment that means another place.
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// isSecretName reports whether a query parameter is where tokens are put.
func isSecretName(name string) bool {
	switch strings.ToLower(name) {
	case "token", "access_token", "id_token", "auth", "authorization", "api_key", "apikey", "password", "jwt":
		return true
	}
	return false
}

// originOf refuses what a page of elsewhere has a browser write.
func originOf(p *http.CrossOriginProtection, r *http.Request) error {
	if err := p.Check(r); err != nil {
		return &auth.Refusal{Status: http.StatusForbidden, Reason: auth.ReasonOrigin, Detail: "a page of another origin may change nothing here"}
	}
	return nil
}

// mayWrite is beneath what operations declare: readers change nothing anywhere.
func mayWrite(who auth.Principal, r *http.Request) error {
	if isRead(r) || who.Role >= auth.Operator {
		return nil
	}
	return &auth.Refusal{Status: http.StatusForbidden, Reason: auth.ReasonRole,
		Detail: fmt.Sprintf("%s has the role %s, and changes need operator: ask who runs the controller for it", who.Name, who.Role)}
}

// isRead reports whether a request changes nothing.
func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// isLoopback reports whether a Host header names this host alone.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

// notFound answers what no other pattern of mux takes.
func notFound(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/" {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%.20s %s is not possible: use %s", r.Method, r.URL.Path, strings.Join(allowed, ", ")))
			return
		}
		problem(w, http.StatusNotFound, fmt.Sprintf("there is no %s: /openapi.json lists what there is", r.URL.Path))
	}
}
