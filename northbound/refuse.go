package northbound

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/corecast/corecast/northbound/auth"
)

// refused counts, logs and answers who is not let in.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, err error) {
	var no *auth.Refusal
	if !errors.As(err, &no) {
		no = &auth.Refusal{Status: http.StatusForbidden, Reason: auth.ReasonRole, Detail: err.Error()}
	}
	s.note(no.Reason, r.RemoteAddr, r.Method, no.Detail)
	s.deny(w, r, no)
}

// deny answers with a refusal.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, no *auth.Refusal) {
	switch no.Status {
	case http.StatusLengthRequired, http.StatusRequestTimeout:
		w.Header().Set("Connection", "close") // what follows is of the body, whatever it is
	case http.StatusUnauthorized:
		w.Header().Add("WWW-Authenticate", `Bearer realm="CoreCast"`)
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Add("WWW-Authenticate", `Basic realm="CoreCast: a token is the password", charset="UTF-8"`)
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	problem(w, no.Status, no.Detail)
}

// note counts what was refused, and logs it unless that is done too often already.
// No URL and no header is in it: there may be secrets in them.
func (s *Server) note(reason auth.Reason, from, method, detail string) {
	s.metrics.refused.WithLabelValues(string(reason)).Inc()
	if s.says.Allow() {
		s.log.Warn("request refused", "reason", reason, "from", from, "method", method, "detail", detail)
	}
}

// tooSlow notes that a client did not read its answer in time.
func (s *Server) tooSlow(r *http.Request) {
	s.note(auth.ReasonSlow, r.RemoteAddr, r.Method, "it did not read the answer to "+r.Pattern)
}

// problem answers with a problem of RFC 9457, as huma does.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(fail(status, detail)) // the client may be gone
}
