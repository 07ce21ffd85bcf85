package ui

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
)

// channelForm is a form to create or change a channel. Texts are kept as they
// were typed, so that a mistake can be mended where it is.
type channelForm struct {
	New     bool
	Name    string
	Version string // of the channel that is changed
	Values  url.Values
	Errors  map[string]string // by field
	General []string          // what is wrong with no field
	Sites   []string          // to choose from
	Ports   []portChoice
}

// portChoice is a local port by which a channel can enter.
type portChoice struct {
	Value  string // switch and port, as the form sends it
	Label  string
	Chosen bool
}

// Wrong counts what is wrong.
func (f *channelForm) Wrong() int { return len(f.Errors) + len(f.General) }

// Value is what a field has.
func (f *channelForm) Value(field string) string { return f.Values.Get(field) }

// fields are those of the form, by the paths that problems have. The ingress is
// one choice.
var fields = map[string]string{
	"name": "name", "site": "site", "source_eid": "source_eid", "reserved_eid": "reserved_eid", "source_eid6": "source_eid6",
	"reserved_eid6": "reserved_eid6", "ingress": "ingress", "ingress.switch": "ingress", "ingress.port": "ingress",
	"redundancy": "redundancy", "rate": "rate", "lists": "lists", "fanout": "fanout",
}

// newForm prepares a form with the values that were sent, if any.
func (u *UI) newForm(name string, values url.Values) *channelForm {
	cfg := u.opts.Source.Config()
	f := &channelForm{New: name == "", Name: name, Values: values, Errors: map[string]string{}}
	for i := range cfg.Sites {
		if s := &cfg.Sites[i]; s.ReservedEIDs.IsValid() && len(f.Sites) < maxSites {
			f.Sites = append(f.Sites, s.Name)
		}
	}
	for i := range cfg.Switches {
		sw := &cfg.Switches[i]
		for j := range sw.Ports {
			if p := &sw.Ports[j]; p.Role == config.Local && len(f.Ports) < maxSites {
				value := ingressValue(sw.Name, p.ID)
				f.Ports = append(f.Ports, portChoice{value, sw.Name + ", port " + strconv.Itoa(int(p.ID)) + " (" + sw.Site + ")", value == values.Get("ingress")})
			}
		}
	}
	return f
}

// ingressValue is a port as the form sends it; names of switches have no blanks.
func ingressValue(sw string, port uint16) string { return sw + " " + strconv.Itoa(int(port)) }

// valuesOf are the values of a form for a channel that there is.
func valuesOf(c *config.Channel) url.Values {
	v := url.Values{"name": {c.Name}, "site": {c.Site}, "ingress": {ingressValue(c.Ingress.Switch, c.Ingress.Port)}, "lists": {string(c.Lists)}}
	spec, _ := json.Marshal(c) // plain values
	var texts map[string]any
	d := json.NewDecoder(strings.NewReader(string(spec)))
	d.UseNumber()
	_ = d.Decode(&texts) // of what was encoded just now
	for _, field := range []string{"source_eid", "reserved_eid", "source_eid6", "reserved_eid6", "redundancy", "rate", "fanout"} {
		switch text := texts[field].(type) {
		case string:
			v.Set(field, text)
		case json.Number:
			v.Set(field, text.String())
		}
	}
	return v
}

// body is the form as REST takes it. What is no number is sent as it is, for the
// same check as everywhere to say what is wrong.
func body(v url.Values) ([]byte, error) {
	spec := map[string]any{}
	for _, field := range []string{"site", "source_eid", "reserved_eid", "source_eid6", "reserved_eid6", "rate", "lists"} {
		if text := strings.TrimSpace(v.Get(field)); text != "" {
			spec[field] = text
		}
	}
	if lists, ok := spec["lists"].(string); ok && (lists == "true" || lists == "false") {
		spec["lists"] = lists == "true"
	}
	for _, field := range []string{"redundancy", "fanout"} {
		if text := strings.TrimSpace(v.Get(field)); text != "" {
			spec[field] = number(text)
		}
	}
	sw, port, _ := strings.Cut(v.Get("ingress"), " ")
	if sw != "" {
		spec["ingress"] = map[string]any{"switch": sw, "port": number(port)}
	}
	return json.Marshal(spec)
}

func number(text string) any {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	return text
}

// refuse notes why a change was refused, each reason at its field.
func (f *channelForm) refuse(err error) (status int) {
	var wrong *config.Error
	var conflict *inventory.ConflictError
	var version *inventory.VersionError
	switch {
	case errors.As(err, &wrong):
		for _, p := range wrong.Problems {
			f.problem(p)
		}
		return http.StatusUnprocessableEntity
	case errors.As(err, &version) && f.New:
		f.Errors["name"] = "There is a channel of this name already: take another, or change that one."
		return http.StatusConflict
	case errors.As(err, &version):
		f.General = append(f.General, "Somebody else has changed this channel meanwhile: open its page, and repeat your change there.")
		return http.StatusConflict
	case errors.As(err, &conflict):
		f.General = append(f.General, sentence(conflict.Reason, conflict.Fix))
		return http.StatusConflict
	}
	f.General = append(f.General, sentence(err.Error(), ""))
	return http.StatusServiceUnavailable
}

// problem notes one mistake.
func (f *channelForm) problem(p config.Problem) {
	field, known := fields[p.Path]
	text := sentence(p.What, p.Fix)
	switch {
	case !known && p.Path != "":
		f.General = append(f.General, p.Path+": "+text)
	case !known:
		f.General = append(f.General, text)
	case f.Errors[field] == "":
		f.Errors[field] = text
	case !strings.Contains(f.Errors[field], text):
		f.Errors[field] += " " + text
	}
}

// sentence makes one of what is wrong and what would be right.
func sentence(what, fix string) string {
	text := what
	if fix != "" {
		text += ": " + fix
	}
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
