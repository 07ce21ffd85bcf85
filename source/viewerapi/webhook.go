package viewerapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/corecast/corecast/source/credential"
)

// Webhook is a server that is told all events, a POST for each batch:
// {"missed": 0, "events": [...]}. It is told again until it answers with a status of
// 200 to 299, so the same events may come twice; those that are forgotten
// meanwhile are counted as missed.
type Webhook struct {
	URL    string
	Secret string               // signs the requests (see credential.Sign); empty for not
	Failed func(message string) // told in words when it does not answer; may be nil
}

const (
	webhookBatch = 100
	webhookTime  = 5 * time.Second
	webhookRetry = time.Second // doubles up to …
	webhookPause = time.Minute
)

// webhookBody is what is posted.
type webhookBody struct {
	Missed uint64  `json:"missed"`
	Events []Event `json:"events"`
}

// run tells events until ctx ends.
func (h Webhook) run(ctx context.Context, log *eventLog) {
	client := &http.Client{Timeout: webhookTime}
	defer client.CloseIdleConnections()
	at, wait := uint64(0), webhookRetry
	for ctx.Err() == nil {
		events, missed, news := log.since(at, webhookBatch)
		if len(events) == 0 {
			select {
			case <-news:
			case <-ctx.Done():
			}
			if news == nil {
				return
			}
			continue
		}
		if err := h.post(ctx, client, webhookBody{missed, events}); err != nil {
			if h.Failed != nil && ctx.Err() == nil {
				h.Failed(fmt.Sprintf("the webhook %s was not told of %d events: %v; trying again in %v", h.URL, len(events), err, wait))
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			wait = min(2*wait, webhookPause)
			continue
		}
		at, wait = events[len(events)-1].ID, webhookRetry
	}
}

func (h Webhook) post(ctx context.Context, client *http.Client, body webhookBody) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(b))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if h.Secret != "" {
		r.Header.Set(credential.SignatureHeader, credential.Sign([]byte(h.Secret), time.Now(), b))
	}
	reply, err := client.Do(r)
	if err != nil {
		return err
	}
	_ = reply.Body.Close()
	if reply.StatusCode < 200 || reply.StatusCode > 299 {
		return fmt.Errorf("it answers %s", reply.Status)
	}
	return nil
}
