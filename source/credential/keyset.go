package credential

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
	// keysLast is how long fetched keys are believed without asking again.
	keysLast = time.Hour
	// keysEnd is how long they are believed while their server does not answer.
	keysEnd = 24 * time.Hour
	// keysPause is the least time between two fetches: tokens with unknown
	// keys cannot make us ask more often.
	keysPause = 15 * time.Second
	// maxKeys is more than a key set has.
	maxKeys = 1 << 20
	// fetchTime is how long a server may take to answer.
	fetchTime = 5 * time.Second
)

// KeySet is the public keys of an issuer (a JWKS, RFC 7517). Keys are fetched
// when they are needed, and again when a token names one that is not known.
type KeySet struct {
	name   string // in errors
	client *http.Client
	// read fetches the keys.
	read func(context.Context) ([]byte, error)

	// mu guards everything below. It is not held while keys are fetched.
	mu       sync.Mutex
	keys     jose.JSONWebKeySet
	fetched  time.Time     // the last success
	tried    time.Time     // the last attempt
	failure  error         // of it
	fetching chan struct{} // closed when the fetch under way ends; nil if there is none
}

// NewKeySet returns the key set at a URL (https://…) or in a file.
func NewKeySet(location string) *KeySet {
	s := &KeySet{name: location, client: NewClient()}
	s.read = func(ctx context.Context) ([]byte, error) {
		if !strings.HasPrefix(location, "http://") && !strings.HasPrefix(location, "https://") {
			return os.ReadFile(location)
		}
		return s.get(ctx, location)
	}
	return s
}

// NewIssuer returns the key set that an OpenID Connect issuer names in its
// configuration (OpenID Connect Discovery 1.0, section 4). A nil client is
// NewClient's.
func NewIssuer(issuer string, client *http.Client) *KeySet {
	if client == nil {
		client = NewClient()
	}
	s := &KeySet{name: issuer, client: client}
	s.read = func(ctx context.Context) ([]byte, error) {
		b, err := s.get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
		if err != nil {
			return nil, err
		}
		var about struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		switch err := json.Unmarshal(b, &about); {
		case err != nil:
			return nil, fmt.Errorf("its configuration is no JSON: %w", err)
		case about.Issuer != issuer:
			return nil, fmt.Errorf("it says that it is %.200q", about.Issuer)
		case !strings.HasPrefix(about.Keys, "https://"):
			return nil, fmt.Errorf("its jwks_uri %.200q is not https", about.Keys)
		}
		return s.get(ctx, about.Keys)
	}
	return s
}

// find returns the key with this id. A token without an id may use the only key
// of a set.
func (s *KeySet) find(ctx context.Context, id string) (*jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.lookupLocked(id)
	switch now := time.Now(); {
	case s.fetching != nil && key == nil:
		s.waitLocked(ctx)
	case s.fetching == nil && (key == nil || now.Sub(s.fetched) > keysLast) && now.Sub(s.tried) > keysPause:
		s.fetchLocked(ctx)
	}
	key = s.lookupLocked(id)
	switch {
	case key != nil && time.Since(s.fetched) < keysEnd:
		return key, nil
	case s.failure != nil:
		return nil, fmt.Errorf("%w: the keys of %s: %w", ErrUnavailable, s.name, s.failure)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	return nil, fmt.Errorf("%w: the token is signed with key %.60q, which is not one of %s", ErrInvalid, id, s.name)
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

// waitLocked waits for the fetch under way.
func (s *KeySet) waitLocked(ctx context.Context) {
	ended := s.fetching
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// fetchLocked fetches the keys; mu is free meanwhile.
func (s *KeySet) fetchLocked(ctx context.Context) {
	s.tried, s.fetching = time.Now(), make(chan struct{})
	s.mu.Unlock()
	var keys jose.JSONWebKeySet
	// Whoever asks first must not be the one whose leaving stops it.
	b, err := s.read(context.WithoutCancel(ctx))
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	s.mu.Lock()
	if s.failure = err; err == nil {
		s.keys, s.fetched = keys, time.Now()
	}
	close(s.fetching)
	s.fetching = nil
}

// get asks a server for at most maxKeys.
func (s *KeySet) get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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
	if s.fetching == nil {
		s.fetchLocked(ctx)
	} else {
		s.waitLocked(ctx)
	}
	if s.failure == nil && len(s.keys.Keys) == 0 {
		s.failure = fmt.Errorf("there are no keys in it")
	}
	if s.failure != nil {
		return fmt.Errorf("cannot read the keys of %s: %w", s.name, s.failure)
	}
	return nil
}

// Close ends idle connections.
func (s *KeySet) Close() { s.client.CloseIdleConnections() }
