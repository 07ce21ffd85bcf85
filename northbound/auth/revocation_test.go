package auth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/auth/authtest"
)

// A certificate that its authority has taken back lets nobody in, also on a
// connection that was made before.
func TestRevocation(t *testing.T) {
	ca, other := authtest.NewCA(t), authtest.NewCA(t)
	files := ca.ServerTLS(t)
	good, bad := ca.Chains(t, "good", "corecast:viewer"), ca.Chains(t, "bad", "corecast:admin")
	tomorrow := time.Now().Add(24 * time.Hour)
	files.ClientCRL = ca.Revoke(t, tomorrow)
	g, err := Open(&config.Config{TLS: files}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	admit := func(chains [][]*x509.Certificate) error {
		r := httptest.NewRequest("GET", "/", nil)
		r.TLS = &tls.ConnectionState{VerifiedChains: chains}
		_, err := g.Admit(r)
		return err
	}
	if err := errors.Join(admit(good), admit(bad)); err != nil {
		t.Fatal(err)
	}
	ca.Revoke(t, tomorrow, bad[0][0])
	if err := g.Reload(); err != nil {
		t.Fatal(err)
	}
	var no *Refusal
	if err := admit(bad); !errors.As(err, &no) || no.Status != http.StatusUnauthorized || no.Detail != "the certificate of bad was revoked: ask for a new one" {
		t.Errorf("%v", err)
	}
	if err := admit(good); err != nil {
		t.Error(err)
	}
	// What cannot be used changes nothing.
	for name, write := range map[string]func(){
		"has signed the list of":    func() { copyFile(t, other.Revoke(t, tomorrow), files.ClientCRL) },
		"the list of revoked":       func() { ca.Revoke(t, time.Now().Add(-time.Hour)) },
		"there is no list in":       func() { copyFile(t, ca.File, files.ClientCRL) },
		"no such file or directory": func() { _ = os.Remove(files.ClientCRL) },
	} {
		write()
		if err := g.Reload(); err == nil || !strings.Contains(err.Error(), "tls.client_crl: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if admit(good) != nil || admit(bad) == nil {
			t.Errorf("%s: it is in use", name)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// When a list has ended, nobody knows what is on the next.
func TestRevocationsEnd(t *testing.T) {
	ca := authtest.NewCA(t)
	until := time.Now().Add(time.Hour)
	chain := ca.Chains(t, "good", "corecast:viewer")[0]
	r, err := loadRevocations(ca.Revoke(t, until), []*x509.Certificate{chain[1]})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.check(chain, time.Now()); err != nil {
		t.Error(err)
	}
	if err := r.check(chain, until.Add(time.Second)); err == nil || !strings.Contains(err.Error(), "fetch a newer one, and send the controller SIGHUP") {
		t.Errorf("%v", err)
	}
}
