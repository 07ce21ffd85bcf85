package credential_test

import (
	"testing"
	"time"

	"github.com/corecast/corecast/source/credential"
)

func TestSign(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	s := credential.Sign([]byte("secret"), at, []byte("body"))
	for name, c := range map[string]struct {
		secret, body, signature string
		now                     time.Time
		want                    bool
	}{
		"right":          {"secret", "body", s, at, true},
		"another secret": {"other", "body", s, at, false},
		"another body":   {"secret", "bodies", s, at, false},
		"old":            {"secret", "body", s, at.Add(time.Hour), false},
		"none":           {"secret", "body", "", at, false},
		"garbage":        {"secret", "body", "t=1,v1=zz", at, false},
	} {
		if got := credential.Verify([]byte(c.secret), c.now, time.Minute, []byte(c.body), c.signature); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
