package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// TLS names the northbound server's certificate and who may present one to it.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// ClientCA signs the certificates of clients, whose OU says their role.
	ClientCA string `yaml:"client_ca"`
	// ClientCRL lists those of them that are no longer good.
	ClientCRL string `yaml:"client_crl"`
}

// P4Runtime names the authority that signs the certificates of switches, and what
// the controller shows those that ask for one. Without it sessions with switches
// are in the clear.
type P4Runtime struct {
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Auth says how northbound clients prove who they are.
type Auth struct {
	TokensFile string `yaml:"tokens_file"`
	OIDC       OIDC   `yaml:"oidc"`
	// RequestRate is how many requests a second are taken from one address,
	// and from one principal; 0 is DefaultRequestRate.
	RequestRate uint32 `yaml:"request_rate"`
}

// DefaultRequestRate is more than people and their scripts ask for.
const DefaultRequestRate = 2000

// OIDC names the issuer and audience of accepted JWTs, and which of their
// claims tells the role.
type OIDC struct {
	Issuer   string `yaml:"issuer"`
	Audience string `yaml:"audience"`
	// RoleClaim is the claim, with dots into objects; DefaultRoleClaim if it is
	// left out.
	RoleClaim string `yaml:"role_claim"`
	// Roles are the roles that values of the claim stand for, beside those
	// that are the name of a role.
	Roles []ClaimRole `yaml:"roles"`
}

// ClaimRole is the role that a value of a claim stands for.
type ClaimRole struct {
	Claim string `yaml:"claim"`
	Role  Access `yaml:"role"`
}

// DefaultRoleClaim is the claim of a JWT that tells the role of who has it.
const DefaultRoleClaim = "corecast_role"

// Access is what a client of the REST API may do.
type Access string

// What clients may do; each all that those before it may.
const (
	Viewer   Access = "viewer"
	Operator Access = "operator"
	Admin    Access = "admin"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Access) UnmarshalText(b []byte) error { return oneOf(a, b, Viewer, Operator, Admin) }

// Authenticates reports whether clients of the REST API must show who they are.
func (c *Config) Authenticates() bool {
	return c.TLS.ClientCA != "" || c.Auth.TokensFile != "" || c.Auth.OIDC.Issuer != ""
}

func (c *Config) checkTLS(p *problems) {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		p.add("tls", "has only one of cert and key", "give both, as paths of PEM files")
	}
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		p.add("tls.client_ca", "needs a server certificate", "give tls.cert and tls.key too")
	}
	if c.TLS.ClientCRL != "" && c.TLS.ClientCA == "" {
		p.add("tls.client_crl", "needs the authority whose certificates it lists", "give tls.client_ca too")
	}
	if (c.P4Runtime.Cert == "") != (c.P4Runtime.Key == "") {
		p.add("p4runtime", "has only one of cert and key", "give both, as paths of PEM files")
	}
	if c.P4Runtime.Cert != "" && c.P4Runtime.CA == "" {
		p.add("p4runtime.ca", "is missing", "give the PEM file of the authority that signed the switches' certificates")
	}
}

func (c *Config) checkAuth(p *problems) {
	o := c.Auth.OIDC
	if o.Issuer == "" && o.Audience == "" && o.RoleClaim == "" && len(o.Roles) == 0 {
		return
	}
	if u, err := url.Parse(o.Issuer); err != nil || u.Scheme != "https" || u.Host == "" {
		p.add("auth.oidc.issuer", fmt.Sprintf("%q is not an issuer", o.Issuer), "give its https:// URL")
	}
	if o.Audience == "" {
		p.add("auth.oidc.audience", "is missing", "give the audience that tokens must name")
	}
	for i, r := range o.Roles {
		path := fmt.Sprintf("auth.oidc.roles[%d]", i)
		if r.Claim == "" {
			p.add(path, "has no claim", "give the value of the claim: { claim: media-ops, role: operator }")
		}
		if r.Role == "" {
			p.add(path, "has no role", "give viewer, operator or admin")
		}
	}
}

// checkReachable keeps the REST API from being served to the network unless
// its clients show who they are, and nobody can listen to how.
func (c *Config) checkReachable(p *problems) {
	host, _, err := net.SplitHostPort(c.Listen.HTTP)
	if err != nil || host == "localhost" {
		return
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() {
		return
	}
	switch {
	case !c.Authenticates():
		p.add("listen.http", fmt.Sprintf("%q can be reached from elsewhere, and asks nobody who they are", c.Listen.HTTP),
			`use a loopback address, such as "127.0.0.1:8080", or give tls and auth (see docs/operations.md)`)
	case c.TLS.Cert == "":
		p.add("listen.http", fmt.Sprintf("%q can be reached from elsewhere, and tokens would go there in the clear", c.Listen.HTTP),
			"give tls.cert and tls.key")
	}
}
