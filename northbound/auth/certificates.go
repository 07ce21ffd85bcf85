package auth

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/corecast/corecast/controller/config"
)

// certificates are the server's own, and the authority of its clients'.
type certificates struct {
	files   config.TLS
	current atomic.Pointer[tls.Config]
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
	if c.files.ClientCA != "" {
		text, err := os.ReadFile(c.files.ClientCA)
		if err != nil {
			return fmt.Errorf("tls.client_ca: %w", err)
		}
		now.ClientCAs, now.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !now.ClientCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("tls.client_ca: there is no certificate in %s: want PEM", c.files.ClientCA)
		}
	}
	c.current.Store(now)
	return nil
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
