package viewerapi

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"

	"github.com/corecast/corecast/source/viewerapi/auth"
)

// maxBody is the longest request body: ten thousand lease ids.
const maxBody = 512 << 10

// client returns the address that a request comes from, as far as proxies that
// are trusted say.
func (s *Server) client(r *http.Request) (netip.Addr, error) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("a client without an address: %q: %w", r.RemoteAddr, err)
	}
	client := ap.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(client); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = hop.Unmap().WithZone("")
	}
	return client, nil
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.opts.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// credentials reads what the client shows: a bearer token, Basic, or the
// parameter token of the URL.
func credentials(r *http.Request) (a auth.Request) {
	a.UserAgent = r.UserAgent()
	query := r.URL.Query()
	a.Token = query.Get("token")
	query.Del("token")
	a.Query = query.Encode()
	if kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "Bearer") {
		a.Token = strings.TrimSpace(token)
	}
	if user, password, ok := r.BasicAuth(); ok {
		a.User, a.Password = user, password
	}
	return a
}

// operator says whether the client may see what others do.
func (s *Server) operator(r *http.Request) bool {
	if s.opts.OperatorToken != "" {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return subtle.ConstantTimeCompare([]byte(token), []byte(s.opts.OperatorToken)) == 1
	}
	client, err := s.client(r)
	return err == nil && client.IsLoopback()
}

// errOperator is what others get.
var errOperator = problem{http.StatusForbidden, "for operators",
	"give the operator's token (Authorization: Bearer …), or ask from the source's own host if it has none"}

// decode reads a JSON body strictly; none is an empty object.
func decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var long *http.MaxBytesError
	switch {
	case err == nil && d.More():
		return problem{http.StatusBadRequest, "not one JSON object", "something follows the object"}
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &long):
		return problem{http.StatusRequestEntityTooLarge, "the body is too long", fmt.Sprintf("want at most %d bytes", maxBody)}
	}
	return problem{http.StatusBadRequest, "the body is not understood", misunderstood(err)}
}

// misunderstood says in JSON's words what encoding/json says in Go's.
func misunderstood(err error) string {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Sprintf("%s: %s is not taken; want %s", kind.Field, kind.Value, jsonType(kind.Type))
	case errors.As(err, &kind):
		return fmt.Sprintf("%s is not taken; want an object, such as {\"port\": 5004}", kind.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	}
	return fmt.Sprintf("a whole number, 0 to %d", uint64(1)<<t.Bits()-1)
}

// channelOf finds the channel that the request's path names.
func (s *Server) channelOf(r *http.Request) (*channel, error) {
	name := r.PathValue("name")
	if c := s.channels[name]; c != nil {
		return c, nil
	}
	return nil, problem{http.StatusNotFound, "no such channel", fmt.Sprintf("%.80q: see GET /v1/channels", name)}
}

// channelHere is channelOf for requests that only the source whose turn it is
// can answer.
func (s *Server) channelHere(r *http.Request) (*channel, error) {
	c, err := s.channelOf(r)
	if err != nil {
		return nil, err
	}
	t, err := c.turn.use()
	if err != nil {
		return nil, err
	}
	t.done()
	return c, nil
}

// pathOf is the URL of a lease.
func pathOf(c *channel, id string) string {
	return "/v1/channels/" + url.PathEscape(c.Name) + "/viewers/" + id
}
