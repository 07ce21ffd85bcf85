package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// apiClient speaks with the viewer API of a source, or of several that stand by
// for each other. One goroutine may use it.
type apiClient struct {
	urls   []string // of the channel
	at     string   // the one that is asked: of urls, or one that it led to
	next   int      // in urls
	token  string
	client *http.Client
}

func newAPIClient(urls []string, token string, client *http.Client) apiClient {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return apiClient{urls: urls, at: urls[0], token: token, client: &own}
}

// tryNext goes to the next source, if there are several.
func (a *apiClient) tryNext() {
	a.next = (a.next + 1) % len(a.urls)
	a.at = a.urls[a.next]
}

// joinRequest and lease are the bodies of package viewerapi.
type (
	joinRequest struct {
		EID  string `json:"eid,omitempty"`
		Port uint16 `json:"port"`
		// CoreCast is the word on the viewer's domain: auto, true or false.
		CoreCast string `json:"corecast,omitempty"`
	}
	lease struct {
		ID         string  `json:"id"`
		Channel    string  `json:"channel"`
		EID        string  `json:"eid"`
		Port       uint16  `json:"port"`
		Source     string  `json:"source"`
		TTL        float64 `json:"ttl"`
		RenewAfter float64 `json:"renew_after"`
	}
)

func (l *lease) ttl() time.Duration { return time.Duration(l.TTL * float64(time.Second)) }

// renewAfter is at least a tenth of a second, whatever the source says.
func (l *lease) renewAfter() time.Duration {
	return max(time.Duration(l.RenewAfter*float64(time.Second)), 100*time.Millisecond)
}

// ErrURL: not the URL of a channel.
var ErrURL = errors.New("not the URL of a channel")

// channelURL makes the API's URL of a channel of what people write.
func channelURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%w: %q; want http://source:8081/CHANNEL", ErrURL, s)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(strings.Trim(u.Path, "/"), "v1/channels/"), ".m3u")
	if name == "" || strings.Contains(name, "/") {
		return "", fmt.Errorf("%w: %q names no channel; want %s://%s/CHANNEL", ErrURL, s, u.Scheme, u.Host)
	}
	return u.Scheme + "://" + u.Host + "/v1/channels/" + url.PathEscape(name), nil
}

// refusal is an answer that is no success.
type refusal struct {
	status        int
	Title, Detail string
}

func (r *refusal) Error() string {
	if r.Title == "" {
		return fmt.Sprintf("the source answers %d %s", r.status, http.StatusText(r.status))
	}
	return fmt.Sprintf("%s: %s", r.Title, r.Detail)
}

// errLeaseGone: the source does not know the lease (any more).
var errLeaseGone = errors.New("the lease has ended")

// Is makes a lease that is not found errLeaseGone.
func (r *refusal) Is(target error) bool {
	return target == errLeaseGone && r.status == http.StatusNotFound
}

// isFinal says whether asking again is of no use.
func isFinal(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status >= 400 && r.status < 500 && r.status != http.StatusTooManyRequests
}

// isSoon says whether asking again in a moment is what the source wants.
func isSoon(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusServiceUnavailable
}

func (a *apiClient) join(ctx context.Context, body joinRequest) (*lease, error) {
	l := new(lease)
	return l, a.ask(ctx, http.MethodPost, "/viewers", body, l)
}

func (a *apiClient) renew(ctx context.Context, id string) (*lease, error) {
	l := new(lease)
	return l, a.ask(ctx, http.MethodPut, "/viewers/"+url.PathEscape(id), nil, l)
}

func (a *apiClient) leave(ctx context.Context, id string) error {
	return a.ask(ctx, http.MethodDelete, "/viewers/"+url.PathEscape(id), nil, nil)
}

const (
	// askTime is how long an answer may take: a proof takes seconds.
	askTime = 10 * time.Second
	// maxAnswer is more than a source has to say.
	maxAnswer = 1 << 20
)

// mostHops is how often one source may lead to another for one request.
const mostHops = 3

// ask makes a request with a JSON body, if there is one, and reads the answer
// into result, if that is not nil. If the source cannot answer, the next request
// goes to the next one.
func (a *apiClient) ask(ctx context.Context, method, path string, body, result any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	var elsewhere *redirect
	for range mostHops {
		err := a.askOne(ctx, method, path, content, result)
		if !errors.As(err, &elsewhere) {
			if err != nil && !isFinal(err) {
				a.tryNext()
			}
			return err
		}
		a.at = elsewhere.channel
	}
	a.tryNext()
	return fmt.Errorf("the sources lead to each other: %w", elsewhere)
}

// redirect is an answer that another source is the one to ask.
type redirect struct{ channel string }

func (r *redirect) Error() string { return "the channel is at " + r.channel }

// askOne asks one source.
func (a *apiClient) askOne(ctx context.Context, method, path string, content []byte, result any) error {
	r, err := http.NewRequestWithContext(ctx, method, a.at+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "corecast-watch")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	reply, err := a.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = reply.Body.Close() }()
	answer := json.NewDecoder(io.LimitReader(reply.Body, maxAnswer))
	if to, ok := strings.CutSuffix(reply.Header.Get("Location"), path); ok && reply.StatusCode == http.StatusTemporaryRedirect {
		return &redirect{to}
	}
	if reply.StatusCode < 200 || reply.StatusCode > 299 {
		refused := &refusal{status: reply.StatusCode}
		_ = answer.Decode(refused) // what it does not say is left out
		return refused
	}
	if result == nil {
		return nil
	}
	if err := answer.Decode(result); err != nil {
		return fmt.Errorf("the source's answer is not understood: %w", err)
	}
	return nil
}
