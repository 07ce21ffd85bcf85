package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What follows writes values as the file and REST take them. Secrets are written
// too: what is shown to anybody must have been through WithoutSecrets.

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalText implements encoding.TextMarshaler: 3m, not 3m0s.
func (d Duration) MarshalText() ([]byte, error) {
	text := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return []byte(text), nil
}

// MarshalText implements encoding.TextMarshaler, with the largest unit that
// makes no fraction of it.
func (r Rate) MarshalText() ([]byte, error) {
	for _, u := range rateUnits {
		if n := uint64(r) / uint64(u.factor); n > 0 && n*uint64(u.factor) == uint64(r) {
			return fmt.Appendf(nil, "%d%s", n, u.suffix), nil
		}
	}
	return []byte("0bps"), nil
}

// MarshalJSON implements json.Marshaler: it is a truth value there, as in the
// file.
func (y YesNo) MarshalJSON() ([]byte, error) { return json.Marshal(y != No) }

// UnmarshalJSON implements json.Unmarshaler.
func (y *YesNo) UnmarshalJSON(b []byte) error {
	var yes bool
	if err := json.Unmarshal(b, &yes); err != nil {
		return err
	}
	*y = YesNo(strconv.FormatBool(yes))
	return nil
}

// WithoutSecrets is the site as it may be shown.
func (s Site) WithoutSecrets() Site {
	keys := make([]AuthKey, len(s.AuthKeys))
	for i, k := range s.AuthKeys {
		keys[i] = AuthKey{ID: k.ID, Algorithm: k.Algorithm, SecretEnv: k.SecretEnv}
	}
	if s.AuthKeys != nil {
		s.AuthKeys = keys
	}
	return s
}
