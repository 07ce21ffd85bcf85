package auth

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// certificates are the server's own, and the authority of its clients'.
type certificates struct {
	files   config.TLS
	current atomic.Pointer[tls.Config]
	revoked atomic.Pointer[revocations] // nil if there is no list
}

// config is for a listener: it has the certificates of the moment.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current.Load(), nil
		},
	}
}

// load reads the files.
func (c *certificates) load() error {
	if info, err := os.Stat(c.files.Key); err == nil && info.Mode().Perm()&0o007 != 0 {
		return fmt.Errorf("tls.key: %s can be read or written by everybody (mode %04o): chmod o= %[1]s", c.files.Key, info.Mode().Perm())
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("tls.cert %s, tls.key %s: %w", c.files.Cert, c.files.Key, err)
	}
	now := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair},
		// A session that is taken up again would outlive the certificate that
		// began it.
		SessionTicketsDisabled: true,
	}
	var revoked *revocations
	if c.files.ClientCA != "" {
		if revoked, err = c.loadAuthorities(now); err != nil {
			return err
		}
	}
	c.current.Store(now)
	c.revoked.Store(revoked)
	return nil
}

// loadAuthorities reads who signs the certificates of clients, and which of these
// they have taken back.
func (c *certificates) loadAuthorities(into *tls.Config) (*revocations, error) {
	text, err := os.ReadFile(c.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls.client_ca: %w", err)
	}
	into.ClientCAs, into.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !into.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls.client_ca: there is no certificate in %s: want PEM", c.files.ClientCA)
	}
	if c.files.ClientCRL == "" {
		return nil, nil
	}
	return loadRevocations(c.files.ClientCRL, authoritiesOf(text))
}

// principal is whom a verified chain of certificates names.
func (c *certificates) principal(chain []*x509.Certificate, at time.Time) (Principal, error) {
	if revoked := c.revoked.Load(); revoked != nil {
		if err := revoked.check(chain, at); err != nil {
			return Principal{}, err
		}
	}
	return certPrincipal(chain[0])
}

// rolePrefix is what an OU begins with that names a role, as no OU of another
// meaning does.
const rolePrefix = "corecast:"

// certPrincipal is whom a verified certificate names: its common name, with the
// role of its OU corecast:ROLE; the greatest if there are several.
func certPrincipal(cert *x509.Certificate) (Principal, error) {
	p := Principal{Name: cert.Subject.CommonName, Method: ByCert}
	if p.Name == "" {
		return Principal{}, refuse(reasonWrong, "the certificate has no common name: give it one")
	}
	for _, ou := range cert.Subject.OrganizationalUnit {
		if name, ok := strings.CutPrefix(ou, rolePrefix); ok {
			role, err := ParseRole(name)
			if err != nil {
				return Principal{}, refuse(reasonWrong, "the certificate of %s has the OU %q: %v", p.Name, ou, err)
			}
			p.Role = max(p.Role, role)
		}
	}
	return p, nil
}
