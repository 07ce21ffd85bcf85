// Package authtest makes the certificates that tests of the REST API need. It
// owns an authority for each test, whose files end with it.
package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// CA signs certificates of servers and of clients.
type CA struct {
	// File has its certificate in PEM.
	File string
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	last int64 // serial number
}

// NewCA makes an authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{dir: t.TempDir()}
	template := ca.template("CoreCast test CA")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	ca.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, ca.key.Public(), ca.key)
	if err == nil {
		ca.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	ca.File = ca.write(t, "ca.pem", "CERTIFICATE", der)
	return ca
}

func (ca *CA) template(name string, ous ...string) *x509.Certificate {
	ca.last++
	return &x509.Certificate{
		SerialNumber: big.NewInt(ca.last), Subject: pkix.Name{CommonName: name, OrganizationalUnit: ous},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// ServerTLS is the configuration of a server on 127.0.0.1 that believes clients
// of this authority. Each call makes another certificate, in the same files.
func (ca *CA) ServerTLS(t testing.TB) config.TLS {
	t.Helper()
	template := ca.template("127.0.0.1")
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	cert, key := ca.sign(t, "server", template)
	return config.TLS{Cert: cert, Key: key, ClientCA: ca.File}
}

// Client makes a client's certificate, and returns the names of its files.
func (ca *CA) Client(t testing.TB, name string, ous ...string) (cert, key string) {
	t.Helper()
	template := ca.template(name, ous...)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return ca.sign(t, "client-"+name, template)
}

// Chains are what a handshake verifies of a client's certificate.
func (ca *CA) Chains(t testing.TB, name string, ous ...string) [][]*x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(ca.Client(t, name, ous...))
	if err != nil {
		t.Fatal(err)
	}
	return [][]*x509.Certificate{{pair.Leaf, ca.cert}}
}

// Revoke writes a list of certificates that are no longer good until a time, and
// returns the name of its file.
func (ca *CA) Revoke(t testing.TB, until time.Time, certs ...*x509.Certificate) string {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(ca.last), ThisUpdate: until.Add(-24 * time.Hour), NextUpdate: until}
	for _, c := range certs {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: list.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.cert, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return ca.write(t, "crl.pem", "X509 CRL", der)
}

// Pool believes this authority.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

func (ca *CA) sign(t testing.TB, file string, template *x509.Certificate) (cert, key string) {
	t.Helper()
	k := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, k.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return ca.write(t, file+".pem", "CERTIFICATE", der), ca.write(t, file+"-key.pem", "PRIVATE KEY", secret)
}

func (ca *CA) write(t testing.TB, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(ca.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
