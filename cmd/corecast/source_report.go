package main

import (
	"context"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/corecast/corecast/cmd/corecast/cli"
	"github.com/corecast/corecast/cmd/corecast/reporter"
	"github.com/corecast/corecast/northbound/client"
	"github.com/corecast/corecast/source/station"
)

// reportFlags are those of a source that reports to a controller.
type reportFlags struct {
	rest cli.REST
	name string
}

func (f *reportFlags) add(t *pflag.FlagSet) {
	t.StringVar(&f.rest.Server, "controller", "", "report channels and viewers to the controller at this `URL` (default: to none)")
	t.StringVar(&f.name, "report-as", "", "the `NAME` to report under (default: the host's)")
	t.StringVar(&f.rest.TokenFile, "controller-token-file", "", "`FILE` with the token to show there (or set "+cli.TokenVariable+")")
	t.StringVar(&f.rest.CA, "controller-ca", "", "PEM `FILE` of the authority that signed its certificate, if the system does not know it")
}

// sourceName is what a controller takes as the name of a source.
var sourceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// client is that of the controller; nil if there is none to report to.
func (f *reportFlags) client() (*client.Client, error) {
	if f.rest.Server == "" {
		return nil, nil
	}
	if f.name == "" {
		host, _ := os.Hostname() // without one, the name must be given
		f.name = strings.ToLower(host)
	}
	if !sourceName.MatchString(f.name) {
		return nil, cli.Usagef("--report-as %q: want lower-case letters, digits, dots and dashes, as studio-1", f.name)
	}
	if _, err := client.New(f.rest.Server); err != nil {
		return nil, cli.Usagef("--controller %w", err)
	}
	return f.rest.Client()
}

// start reports until ctx ends or the function that it returns is called.
func (f *reportFlags) start(ctx context.Context, c *client.Client, s *station.Station, say func(string)) (stop func()) {
	if c == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&reporter.Reporter{Controller: c, Source: f.name, Now: s.Now, Say: say}).Run(ctx)
	}()
	return func() { cancel(); <-done }
}
