package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/client"
)

// REST are the flags of every command that asks a controller.
type REST struct {
	Server    string
	TokenFile string
	CA        string
	JSON      bool
	token     string
	cert, key string
}

// TokenVariable is the environment variable that has a token.
const TokenVariable = "CORECAST_TOKEN"

// Add adds the flags to a command.
func (f *REST) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Server, "server", client.DefaultServer, "the controller's `URL`")
	cmd.Flags().StringVar(&f.TokenFile, "token-file", "", "`FILE` with the token or JWT to show (or set "+TokenVariable+")")
	cmd.Flags().StringVar(&f.token, "token", "", "the `TOKEN` itself, which others on this host can see")
	cmd.Flags().StringVar(&f.CA, "ca", "", "PEM `FILE` of the authority that signed the controller's certificate, if the system does not know it")
	cmd.Flags().StringVar(&f.cert, "cert", "", "PEM `FILE` of the client certificate to show")
	cmd.Flags().StringVar(&f.key, "key", "", "PEM `FILE` of its key")
	cmd.Flags().BoolVar(&f.JSON, "json", false, "print JSON")
}

// RESTOf are the values that a command's flags have, for completion.
func RESTOf(cmd *cobra.Command) *REST {
	value := func(name string) string {
		if flag := cmd.Flags().Lookup(name); flag != nil {
			return flag.Value.String()
		}
		return ""
	}
	return &REST{Server: Or(value("server"), client.DefaultServer), TokenFile: value("token-file"), CA: value("ca"),
		token: value("token"), cert: value("cert"), key: value("key")}
}

// Client is that of the controller that the flags name.
func (f *REST) Client() (*client.Client, error) {
	token, err := f.showToken()
	if err != nil {
		return nil, err
	}
	options := []client.Option{client.WithToken(token)}
	if f.CA != "" || f.cert != "" || f.key != "" {
		cfg, err := f.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithTLS(cfg))
	}
	c, err := client.New(f.Server, options...)
	if err != nil {
		return nil, Usagef("--server %w", err)
	}
	return c, nil
}

// showToken is the token to show; empty for none.
func (f *REST) showToken() (string, error) {
	switch {
	case f.token != "" && f.TokenFile != "":
		return "", Usagef("both --token and --token-file are given: give one")
	case f.token != "":
		return f.token, nil
	case f.TokenFile == "":
		return os.Getenv(TokenVariable), nil
	}
	text, err := os.ReadFile(f.TokenFile)
	if err != nil {
		return "", Usagef("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\n") {
		return "", Usagef("--token-file: %s does not hold one token: `corecast token new` prints one", f.TokenFile)
	}
	return token, nil
}

// tls has the certificates to believe and to show.
func (f *REST) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, Usagef("--ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, Usagef("--ca: there is no certificate in %s: want PEM", f.CA)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return nil, Usagef("--cert and --key belong together: give both")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, Usagef("--cert %s, --key %s: %w", f.cert, f.key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
