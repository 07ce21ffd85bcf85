package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// SignatureHeader carries the signature of a request that the source makes.
const SignatureHeader = "CoreCast-Signature"

// Sign returns the signature of a body: t=<Unix seconds>,v1=<hex>, where v1 is
// the HMAC-SHA-256 of the seconds, a full stop and the body. The receiver
// computes it anew, compares, and refuses old seconds.
func Sign(secret []byte, at time.Time, body []byte) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(sum(secret, at.Unix(), body)))
}

func sum(secret []byte, seconds int64, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%d.", seconds)
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify says whether signature is one of body, made within age of now.
func Verify(secret []byte, now time.Time, age time.Duration, body []byte, signature string) bool {
	var seconds int64
	var hexSum string
	if n, err := fmt.Sscanf(strings.Replace(signature, ",v1=", " ", 1), "t=%d %s", &seconds, &hexSum); n != 2 || err != nil {
		return false
	}
	given, err := hex.DecodeString(hexSum)
	if err != nil || !hmac.Equal(given, sum(secret, seconds, body)) {
		return false
	}
	return now.Sub(time.Unix(seconds, 0)).Abs() <= age
}
