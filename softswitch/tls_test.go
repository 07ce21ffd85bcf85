package softswitch

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
	"strings"
	"testing"
	"time"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// testCA makes an authority and one certificate it signed, good for a server
// on loopback and for a client, as PEM files.
func testCA(t *testing.T) (files TLSFiles, pool *x509.CertPool, cert tls.Certificate) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	newKey := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		return k
	}
	until := time.Now().Add(time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "switch"}, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	caKey, leafKey := newKey(), newKey()
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	must(err)
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey)
	must(err)
	keyDER, err := x509.MarshalECPrivateKey(leafKey)
	must(err)

	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		must(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	files = TLSFiles{
		CACert: write("ca.pem", "CERTIFICATE", caDER),
		Cert:   write("cert.pem", "CERTIFICATE", leafDER),
		Key:    write("key.pem", "EC PRIVATE KEY", keyDER),
	}
	parsed, err := x509.ParseCertificate(caDER)
	must(err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	cert, err = tls.LoadX509KeyPair(files.Cert, files.Key)
	must(err)
	return files, pool, cert
}

func TestTLS(t *testing.T) {
	files, pool, cert := testCA(t)
	tests := []struct {
		name       string
		clientAuth bool
		client     *tls.Config
		ok         bool
	}{
		{"server only", false, &tls.Config{RootCAs: pool}, true},
		{"client does not know the authority", false, &tls.Config{}, false},
		{"client without a certificate", true, &tls.Config{RootCAs: pool}, false},
		{"client with one", true, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files.ClientAuth = tt.clientAuth
			config, err := files.Load()
			if err != nil {
				t.Fatal(err)
			}
			s := startSwitch(t, Config{DeviceID: 1, TLS: config}, 0)
			conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(credentials.NewTLS(tt.client)))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = p4v1.NewP4RuntimeClient(conn).Capabilities(t.Context(), &p4v1.CapabilitiesRequest{})
			if tt.ok != (err == nil) || err != nil && status.Code(err) != codes.Unavailable {
				t.Fatalf("Capabilities = %v", err)
			}
		})
	}
}

func TestTLSFilesThatCannotBeUsed(t *testing.T) {
	files, _, _ := testCA(t)
	noCert := files
	noCert.Cert = "/no/such/cert.pem"
	noCA := files
	noCA.CACert = "/no/such/ca.pem"
	notCA := files
	notCA.CACert = files.Key
	for want, f := range map[string]TLSFiles{"/no/such/cert.pem": noCert, "/no/such/ca.pem": noCA, files.Key: notCA} {
		if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%+v) = %v, want an error with %q", f, err, want)
		}
	}
}
