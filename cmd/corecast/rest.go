package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/northbound/client"
)

// restFlags are those of every command that asks a controller.
type restFlags struct {
	server    string
	token     string
	tokenFile string
	ca        string
	cert, key string
	json      bool
}

// tokenVariable is the environment variable that has a token.
const tokenVariable = "CORECAST_TOKEN"

func (f *restFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", client.DefaultServer, "the controller's `URL`")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token or JWT to show (or set "+tokenVariable+")")
	cmd.Flags().StringVar(&f.token, "token", "", "the `TOKEN` itself, which others on this host can see")
	cmd.Flags().StringVar(&f.ca, "ca", "", "PEM `FILE` of the authority that signed the controller's certificate, if the system does not know it")
	cmd.Flags().StringVar(&f.cert, "cert", "", "PEM `FILE` of the client certificate to show")
	cmd.Flags().StringVar(&f.key, "key", "", "PEM `FILE` of its key")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (f *restFlags) client() (*client.Client, error) {
	token, err := f.showToken()
	if err != nil {
		return nil, err
	}
	options := []client.Option{client.WithToken(token)}
	if f.ca != "" || f.cert != "" || f.key != "" {
		cfg, err := f.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithTLS(cfg))
	}
	c, err := client.New(f.server, options...)
	if err != nil {
		return nil, usagef("--server %w", err)
	}
	return c, nil
}

// showToken is the token to show; empty for none.
func (f *restFlags) showToken() (string, error) {
	switch {
	case f.token != "" && f.tokenFile != "":
		return "", usagef("both --token and --token-file are given: give one")
	case f.token != "":
		return f.token, nil
	case f.tokenFile == "":
		return os.Getenv(tokenVariable), nil
	}
	text, err := os.ReadFile(f.tokenFile)
	if err != nil {
		return "", usagef("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\n") {
		return "", usagef("--token-file: %s does not hold one token: `corecast token new` prints one", f.tokenFile)
	}
	return token, nil
}

// tls has the certificates to believe and to show.
func (f *restFlags) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13}
	if f.ca != "" {
		text, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, usagef("--ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, usagef("--ca: there is no certificate in %s: want PEM", f.ca)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return nil, usagef("--cert and --key belong together: give both")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, usagef("--cert %s, --key %s: %w", f.cert, f.key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// printJSON prints one object, indented: it is read by people too.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printJSONLine prints one object in a line, where more follow.
func printJSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// newTable aligns what is written to it in cells that end in tabs.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// ago is how long something is past.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return short(now.Sub(t)) + " ago"
}

// short is a duration, as exact as is of use.
func short(d time.Duration) string {
	switch {
	case d < 0:
		d = 0
	case d > 10*time.Minute:
		return d.Round(time.Minute).String()
	}
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// plural counts things.
func plural[N int | uint64](n N, thing string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// or is the text that stands for none.
func or(text, none string) string {
	if text == "" {
		return none
	}
	return text
}
