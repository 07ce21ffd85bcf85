package viewerapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi/auth"
)

// problem is an error as clients get it (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`  // what is wrong
	Detail string `json:"detail"` // the value, and what would be right
}

func (p problem) Error() string { return p.Title + ": " + p.Detail }

func (p problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// fail answers a request with an error.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	var standby standbyError
	switch {
	case errors.As(err, &standby):
		standby.send(w, r)
		return
	case errors.As(err, &p):
	case errors.Is(err, auth.ErrCredentials):
		p = problem{http.StatusUnauthorized, "not authorised", err.Error()}
	case errors.Is(err, auth.ErrForbidden):
		p = problem{http.StatusForbidden, "not allowed", err.Error()}
	case errors.Is(err, auth.ErrUnavailable):
		p = problem{http.StatusServiceUnavailable, "cannot be decided now", err.Error()}
	case errors.Is(err, dstlist.ErrViewer):
		p = problem{http.StatusUnprocessableEntity, "not a viewer of this channel", err.Error()}
	case errors.Is(err, dstlist.ErrFull):
		p = problem{http.StatusServiceUnavailable, "the source is full", err.Error()}
	default:
		p = problem{http.StatusInternalServerError, "the source failed", "see its log"}
	}
	p.write(w)
}

// answer answers with a JSON object.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
