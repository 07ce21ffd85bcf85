package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Environment variable of etcd's password, beside password_file.
const passwordEnv = "CORECAST_ETCD_PASSWORD"

// etcdTimeout is how long a request waits unless the URL says otherwise: longer
// than an election takes.
const etcdTimeout = 5 * time.Second

// etcdParameters are those of an etcd:// URL, with what they are.
var etcdParameters = map[string]string{
	"tls":           "true: talk TLS, with the system's CAs unless ca is given",
	"ca":            "a PEM file with the CAs of the members' certificates",
	"cert":          "a PEM file with the certificate to show them",
	"key":           "a PEM file with its key",
	"user":          "an etcd user",
	"password_file": "a file that holds that user's password",
	"timeout":       "how long a request may take, such as 5s",
}

// etcdURL is what an etcd:// URL says.
type etcdURL struct {
	hosts        []string // HOST:PORT
	prefix       string   // of all keys, without a slash at its end
	tls          bool
	ca           string // files
	cert, key    string
	user         string
	passwordFile string
	timeout      time.Duration
}

// name is the URL without its parameters, for errors.
func (u *etcdURL) name() string { return "etcd://" + strings.Join(u.hosts, ",") + "/" + u.prefix }

// parseEtcdURL reads etcd://HOST:PORT,HOST:PORT/PREFIX?PARAMETERS. It looks at no
// file.
func parseEtcdURL(raw string) (*etcdURL, error) {
	rest := strings.TrimPrefix(raw, "etcd://")
	rest, query, _ := strings.Cut(rest, "?")
	hosts, prefix, _ := strings.Cut(rest, "/")
	u := &etcdURL{hosts: strings.Split(hosts, ","), prefix: strings.TrimSuffix(prefix, "/"), timeout: etcdTimeout}
	if strings.Contains(hosts, "@") {
		return nil, errors.New("a password in a URL is seen by many: give ?user=NAME&password_file=FILE, or the password in " + passwordEnv)
	}
	for _, h := range u.hosts {
		host, port, err := net.SplitHostPort(h)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%q is no HOST:PORT: write etcd://HOST:2379,HOST:2379/PREFIX", h)
		}
	}
	if u.prefix == "" {
		u.prefix = "corecast"
	}
	for _, part := range strings.Split(u.prefix, "/") {
		if part == "" || part == keysPart || part == metaPart {
			return nil, fmt.Errorf("prefix %q: its parts must have names, and none be %q or %q: write /corecast", u.prefix, keysPart, metaPart)
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("parameters %q: %w", query, err)
	}
	return u, u.take(values)
}

// take reads the parameters.
func (u *etcdURL) take(values url.Values) error {
	for name := range values {
		if _, ok := etcdParameters[name]; !ok {
			return fmt.Errorf("parameter %q is not known: there are %s", name, strings.Join(etcdParameterNames(), ", "))
		}
	}
	u.ca, u.cert, u.key = values.Get("ca"), values.Get("cert"), values.Get("key")
	u.user, u.passwordFile = values.Get("user"), values.Get("password_file")
	switch v := values.Get("tls"); v {
	case "", "false":
	case "true":
		u.tls = true
	default:
		return fmt.Errorf("tls=%s: want true or false", v)
	}
	u.tls = u.tls || u.ca != "" || u.cert != "" || u.key != ""
	if (u.cert == "") != (u.key == "") {
		return errors.New("cert and key go together: give both, or neither")
	}
	if u.passwordFile != "" && u.user == "" {
		return errors.New("password_file without user: add user=NAME")
	}
	if v := values.Get("timeout"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Second || d > time.Minute {
			return fmt.Errorf("timeout=%s: want 1s to 1m", v)
		}
		u.timeout = d
	}
	return nil
}

func etcdParameterNames() []string {
	var names []string
	for name := range etcdParameters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// password is that of the user.
func (u *etcdURL) password() (string, error) {
	if u.user == "" {
		return "", nil
	}
	if u.passwordFile != "" {
		content, err := os.ReadFile(u.passwordFile)
		if err != nil {
			return "", fmt.Errorf("password_file: %w", err)
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	}
	if p := os.Getenv(passwordEnv); p != "" {
		return p, nil
	}
	return "", fmt.Errorf("user %s has no password: give password_file=FILE, or set %s", u.user, passwordEnv)
}

// tlsConfig is nil if the members are asked without TLS.
func (u *etcdURL) tlsConfig() (*tls.Config, error) {
	if !u.tls {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if u.ca != "" {
		pem, err := os.ReadFile(u.ca)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate in PEM", u.ca)
		}
	}
	if u.cert != "" {
		// Read at each connection: certificates are renewed.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(u.cert, u.key)
			return &pair, err
		}
		if _, err := tls.LoadX509KeyPair(u.cert, u.key); err != nil {
			return nil, fmt.Errorf("cert and key: %w", err)
		}
	}
	return cfg, nil
}
