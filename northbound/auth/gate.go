package auth

import (
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/corecast/corecast/controller/config"
)

const (
	// An address may fail so often at once, and so often a second after that.
	// Who shows a good token or certificate is let in all the same.
	failureBurst = 60
	failureRate  = 1
)

// Gate lets requests in. Make it with Open; any number of goroutines may use it.
type Gate struct {
	asks   bool
	file   string // of tokens; empty if there is none
	tokens atomic.Pointer[[]token]
	issuer *issuer       // nil if there is none
	certs  *certificates // nil if it is served in the clear

	addresses, principals *limiter // of requests
	failures              *limiter // by address
}

// Options tune a Gate.
type Options struct {
	// Client asks the issuer for its keys; nil for one with the system's
	// authorities.
	Client *http.Client
}

// NewOpen makes a gate that lets everybody in: they are on this host.
func NewOpen() *Gate {
	g, _ := Open(&config.Config{}, Options{}) // there is no file to read
	return g
}

// Open makes the gate that a configuration asks for, and reads its files.
func Open(cfg *config.Config, opts Options) (*Gate, error) {
	perSecond := int(cmp.Or(cfg.Auth.RequestRate, config.DefaultRequestRate))
	g := &Gate{
		asks: cfg.Authenticates(), file: cfg.Auth.TokensFile, issuer: newIssuer(&cfg.Auth.OIDC, opts.Client),
		addresses:  newLimiter(rate.Limit(perSecond), perSecond),
		principals: newLimiter(rate.Limit(perSecond), perSecond),
		failures:   newLimiter(failureRate, failureBurst),
	}
	if cfg.TLS.Cert != "" {
		g.certs = &certificates{files: cfg.TLS}
	}
	return g, g.Reload()
}

// Reload reads tokens and certificates again. What cannot be used changes
// nothing.
func (g *Gate) Reload() error {
	var errs []error
	if g.file != "" {
		if list, err := loadTokens(g.file); err != nil {
			errs = append(errs, fmt.Errorf("auth.tokens_file: %w", err))
		} else {
			g.tokens.Store(&list)
		}
	}
	if g.certs != nil {
		errs = append(errs, g.certs.load())
	}
	return errors.Join(errs...)
}

// Close ends idle connections to the issuer.
func (g *Gate) Close() {
	if g.issuer != nil {
		g.issuer.Keys.Close()
	}
}

// Asks reports whether anybody has to show who they are.
func (g *Gate) Asks() bool { return g.asks }

// TLS is how to serve; nil for in the clear.
func (g *Gate) TLS() *tls.Config {
	if g.certs == nil {
		return nil
	}
	return g.certs.config()
}

// Admit says who makes a request, or returns a *Refusal.
func (g *Gate) Admit(r *http.Request) (Principal, error) {
	now, from := time.Now(), from(r)
	if !g.addresses.allow(from, now) {
		return Principal{}, tooMany(reasonRate, "more than %v requests a second from %s: ask less often (auth.request_rate)", g.addresses.rate, from)
	}
	if !g.asks {
		return Local, nil
	}
	p, err := g.identify(r, from, now)
	if err != nil {
		return Principal{}, err
	}
	if p.Role < Viewer {
		return p, &Refusal{Status: http.StatusForbidden, Reason: ReasonRole, Detail: g.noRole(p)}
	}
	if !g.principals.allow(p.ID(), now) {
		return p, tooMany(reasonRate, "more than %v requests a second of %s: ask less often (auth.request_rate)", g.principals.rate, p.Name)
	}
	return p, nil
}

// identify says who makes a request: by the token it has, else by the
// certificate of its connection.
func (g *Gate) identify(r *http.Request, from string, now time.Time) (Principal, error) {
	text, given, err := secretOf(r)
	switch {
	case err != nil:
	case given:
		return g.byToken(r, text, from, now)
	case r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return g.certs.principal(r.TLS.VerifiedChains[0], now)
	default:
		err = refuse(reasonNone, "show who you are: with a token, as Authorization: Bearer …%s (corecast: --token-file)", g.orCertificate())
	}
	return Principal{}, err
}

func (g *Gate) orCertificate() string {
	if g.certs != nil && g.certs.files.ClientCA != "" {
		return ", or with a client certificate"
	}
	return ""
}

func (g *Gate) byToken(r *http.Request, text, from string, now time.Time) (Principal, error) {
	if list := g.tokens.Load(); list != nil {
		if t := findToken(*list, text); t != nil && (t.ends.IsZero() || now.Before(t.ends)) {
			return Principal{Name: t.name, Role: t.role, Method: ByToken}, nil
		} else if t != nil {
			return Principal{}, refuse(reasonWrong, "the token of %s ended at %s: ask for a new one", t.name, t.ends.UTC().Format(time.RFC3339))
		}
	}
	if g.failures.exhausted(from, now) {
		return Principal{}, tooMany(reasonFailures, "too many wrong credentials from %s: wait a minute", from)
	}
	var err error = refuse(reasonWrong, "the token is not known: it was removed, mistyped or made for another controller")
	if g.issuer != nil && strings.Count(text, ".") == 2 {
		var p Principal
		if p, err = g.issuer.principal(r.Context(), text); err == nil {
			return p, nil
		}
	}
	g.failures.allow(from, now)
	return Principal{}, err
}

// noRole says how somebody can be given a role.
func (g *Gate) noRole(p Principal) string {
	fix := fmt.Sprintf("its certificate needs an OU such as %sviewer", rolePrefix)
	if p.Method == ByJWT {
		fix = fmt.Sprintf("the claim %s of its token names none", strings.Join(g.issuer.claim, "."))
	}
	return fmt.Sprintf("%s has no role: %s", p.Name, fix)
}

// secretOf is the token that a request shows: as a bearer, or as the password of
// HTTP Basic, which browsers can ask for.
func secretOf(r *http.Request) (text string, given bool, err error) {
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
	default:
		return "", false, &Refusal{Status: http.StatusBadRequest, Reason: reasonWrong, Detail: "there are several Authorization headers: send one"}
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Bearer") && rest != "":
		return rest, true, nil
	case strings.EqualFold(scheme, "Basic"):
		raw, err := base64.StdEncoding.DecodeString(rest)
		if _, password, ok := strings.Cut(string(raw), ":"); err == nil && ok && password != "" {
			return password, true, nil
		}
	}
	return "", false, refuse(reasonWrong, "the Authorization header is neither Bearer with a token nor Basic with a token as the password")
}

// from is the address of who makes a request, as it is limited. Headers that say
// otherwise are anybody's to send.
func from(r *http.Request) string {
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return host(a.Addr())
	}
	return "an unknown address"
}
