package northbound

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
)

// failure is an error that is answered as it is. It implements huma.StatusError.
type failure struct{ problemDetails }

// problemDetails is api.Error by a name that is not that of a method.
type problemDetails = api.Error

func (f *failure) Error() string { return f.Detail }

// GetStatus implements huma.StatusError.
func (f *failure) GetStatus() int { return f.Status }

// ContentType implements huma.ContentTypeFilter.
func (*failure) ContentType(string) string { return "application/problem+json" }

func fail(status int, detail string, fields ...api.FieldError) *failure {
	return &failure{problemDetails{Title: http.StatusText(status), Status: status, Detail: detail, Errors: fields}}
}

// full is the answer to who wants a place where all are taken.
func full(detail string) error {
	return huma.ErrorWithHeaders(fail(http.StatusTooManyRequests, detail), http.Header{"Retry-After": {"10"}})
}

// field says what is wrong with one field, and what would be right.
func field(location string, value any, reason, fix string) api.FieldError {
	message := reason
	if fix != "" {
		message += ": " + fix
	}
	return api.FieldError{Location: location, Value: value, Reason: reason, Fix: fix, Message: message}
}

// wrong is the answer to a parameter that cannot be used.
func wrong(location, value, what, fix string) error {
	_, name, _ := strings.Cut(location, ".")
	return fail(http.StatusUnprocessableEntity, fmt.Sprintf("%s %q %s: %s", name, value, what, fix), field(location, value, what, fix))
}

// asFailure makes what huma answers by itself one of ours.
func asFailure(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	out := api.Error{Title: p.Title, Status: p.Status, Detail: p.Detail}
	var parts []string
	for _, e := range p.Errors {
		out.Errors = append(out.Errors, field(e.Location, e.Value, e.Message, ""))
		parts = append(parts, fmt.Sprintf("%s %v: %s", strings.TrimPrefix(e.Location, "query."), e.Value, e.Message))
	}
	if len(parts) > 0 && p.Detail == "validation failed" {
		out.Detail = strings.Join(parts, "; ")
	}
	return &failure{out}, nil
}

// refusal is the answer to a change that was refused; body is what was sent.
func refusal(err error, body []byte) error {
	var wrong *config.Error
	var missing *inventory.NotFoundError
	var version *inventory.VersionError
	var conflict *inventory.ConflictError
	switch {
	case errors.As(err, &wrong):
		return wrongBody(wrong, body)
	case errors.As(err, &missing):
		return fail(http.StatusNotFound, err.Error(), field("path.name", missing.Name, fmt.Sprintf("no %s has that name", missing.Kind), missing.Fix))
	case errors.As(err, &version):
		return fail(http.StatusPreconditionFailed, err.Error(), field("header."+version.Header, nil, "does not hold: the version is "+strconv.Quote(version.Version),
			"read the object again"))
	case errors.As(err, &conflict):
		return fail(http.StatusConflict, err.Error(), field("path.name", nil, conflict.Reason, conflict.Fix))
	case errors.Is(err, inventory.ErrNotDurable):
		return fail(http.StatusConflict, err.Error()+`: give it one in its configuration file, as store: "file:corecast.db", and start it again`)
	}
	return fail(http.StatusServiceUnavailable, err.Error()+"; read the object to see whether it has changed, and try again")
}

// wrongBody is the answer to a body with mistakes.
func wrongBody(wrong *config.Error, body []byte) error {
	const shown = 3
	var fields []api.FieldError
	var parts []string
	for _, p := range wrong.Problems {
		location := "body"
		if p.Path != "" {
			location += "." + p.Path
		}
		var value any
		if mayShow(&p) {
			value = valueAt(body, p.Path)
		}
		fields = append(fields, field(location, value, p.What, p.Fix))
		if len(parts) < shown {
			parts = append(parts, p.String())
		}
	}
	detail := strings.Join(parts, "; ")
	if more := len(wrong.Problems) - shown; more > 0 {
		detail += fmt.Sprintf("; and %d more", more)
	}
	return fail(http.StatusUnprocessableEntity, detail, fields...)
}

var pathStep = regexp.MustCompile(`[^.\[\]]+`)

// mayShow reports whether what was sent is no secret, as far as its place tells: a
// misspelt "secret" is none that is known.
func mayShow(p *config.Problem) bool {
	if strings.HasPrefix(p.What, "unknown key ") {
		return false
	}
	return !strings.Contains(p.Path, "auth_keys") || strings.HasSuffix(p.Path, ".id") || strings.HasSuffix(p.Path, ".algorithm")
}

// valueAt is the scalar at a path of a JSON body; nil if there is none.
func valueAt(body []byte, path string) any {
	var v any
	if path == "" || json.Unmarshal(body, &v) != nil {
		return nil
	}
	for _, step := range pathStep.FindAllString(path, -1) {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				return nil
			}
			v = at[i]
		}
	}
	switch v.(type) {
	case string, float64, bool:
		return v
	}
	return nil
}
