package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/source/credential"
)

// Hook is a server that is told of events.
type Hook struct {
	Name   string // in metrics, and under which it is remembered
	URL    string
	Secret []byte // signs requests
	// Kinds are the events to tell of; empty for all.
	Kinds []api.EventKind
}

// wants reports whether a hook is to be told of an event. That some were missed
// is told all.
func (h *Hook) wants(e *api.Event) bool {
	return len(h.Kinds) == 0 || slices.Contains(h.Kinds, e.Kind)
}

// Body is what is posted.
type Body struct {
	Hook   string      `json:"hook"`
	Missed bool        `json:"missed"` // events before these are no longer known
	Events []api.Event `json:"events"`
}

// Headers of a delivery, beside credential.SignatureHeader.
const (
	// DeliveryHeader is the id of the first event: the same if it is sent again.
	DeliveryHeader = "CoreCast-Delivery"
)

// refusedError is that a server will not take a delivery, however often it is
// sent.
type refusedError struct{ status string }

func (e *refusedError) Error() string { return "the server refuses it: " + e.status }

// post tells a hook, once.
func (h *Hook) post(ctx context.Context, client *http.Client, body *Body) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "CoreCast")
	r.Header.Set(DeliveryHeader, body.Events[0].ID)
	r.Header.Set(credential.SignatureHeader, credential.Sign(h.Secret, time.Now(), text))
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again
	_ = answer.Body.Close()
	switch s := answer.StatusCode; {
	case s >= 200 && s <= 299:
		return nil
	case s == http.StatusRequestTimeout || s == http.StatusTooEarly || s == http.StatusTooManyRequests || s < 400 || s > 499:
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return &refusedError{answer.Status}
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 4 << 10

// jitter is between half of d and d, so that hooks of one server do not all come
// back at once.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(max(d/2, 1))
}
