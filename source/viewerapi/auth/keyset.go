package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keysLast is how long fetched keys are believed.
	keysLast = time.Hour
	// keysPause is the least time between two fetches: tokens with unknown
	// keys cannot make us ask more often.
	keysPause = 15 * time.Second
	// maxKeys is more than a key set has.
	maxKeys = 1 << 20
	// fetchTime is how long a server may take to answer.
	fetchTime = 5 * time.Second
)

// KeySet is the public keys of an issuer (a JWKS, RFC 7517), from a URL or a
// file. Keys are fetched when they are needed, and again when a token names one
// that is not known.
type KeySet struct {
	location string
	client   *http.Client

	// mu guards everything below, and is held while keys are fetched.
	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	fetched time.Time // the last success
	tried   time.Time // the last attempt
	failure error     // of it
}

// NewKeySet returns the key set at a URL (https://…) or in a file.
func NewKeySet(location string) *KeySet {
	return &KeySet{location: location, client: newClient()}
}

// newClient is a client for servers that may be slow or hostile.
func newClient() *http.Client {
	return &http.Client{
		Timeout: fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// find returns the key with this id. A token without an id may use the only key
// of a set.
func (s *KeySet) find(ctx context.Context, id string) (*jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	key := s.lookupLocked(id)
	stale := now.Sub(s.fetched) > keysLast
	if (key == nil || stale) && now.Sub(s.tried) > keysPause {
		s.fetchLocked(ctx, now)
		key = s.lookupLocked(id)
	}
	switch {
	case key != nil && now.Sub(s.fetched) < 24*keysLast:
		return key, nil
	case s.failure != nil:
		return nil, fmt.Errorf("%w: the keys of %s: %w", ErrUnavailable, s.location, s.failure)
	}
	return nil, fmt.Errorf("%w: the token is signed with key %.60q, which is not in %s", ErrCredentials, id, s.location)
}

func (s *KeySet) lookupLocked(id string) *jose.JSONWebKey {
	if id == "" && len(s.keys.Keys) == 1 {
		return &s.keys.Keys[0]
	}
	for i := range s.keys.Keys {
		if k := &s.keys.Keys[i]; id != "" && k.KeyID == id && k.Valid() && k.IsPublic() {
			return k
		}
	}
	return nil
}

func (s *KeySet) fetchLocked(ctx context.Context, now time.Time) {
	s.tried = now
	var keys jose.JSONWebKeySet
	b, err := s.read(ctx)
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	s.failure = err
	if err == nil {
		s.keys, s.fetched = keys, now
	}
}

func (s *KeySet) read(ctx context.Context) ([]byte, error) {
	if !strings.HasPrefix(s.location, "http://") && !strings.HasPrefix(s.location, "https://") {
		return os.ReadFile(s.location)
	}
	// Whoever asks first must not be the one whose leaving stops it.
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, s.location, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxKeys))
}

// Check fetches the keys once, to find mistakes early.
func (s *KeySet) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetchLocked(ctx, time.Now())
	if s.failure == nil && len(s.keys.Keys) == 0 {
		s.failure = fmt.Errorf("there are no keys in it")
	}
	if s.failure != nil {
		return fmt.Errorf("cannot read the keys of %s: %w", s.location, s.failure)
	}
	return nil
}

// Close ends idle connections.
func (s *KeySet) Close() { s.client.CloseIdleConnections() }
