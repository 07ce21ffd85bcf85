package viewerapi_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/source/viewerapi/auth"
)

// gate is an Authorizer that says what the test wants.
type gate struct {
	mu    sync.Mutex
	grant auth.Grant
	err   error
	asked auth.Request
}

func (g *gate) Authorize(_ context.Context, r *auth.Request) (auth.Grant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = *r
	return g.grant, g.err
}

func (g *gate) set(grant auth.Grant, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.grant, g.err = grant, err
}

// A lease never outlives the permission, is cut when that ends, and lives on
// with a new one.
func TestPermissionEnds(t *testing.T) {
	t.Parallel()
	const permission = 1500 * time.Millisecond // far more than a busy machine is late
	g := new(gate)
	until := time.Now().Add(permission).Round(0)
	g.set(auth.Grant{Subject: "alice", Until: until}, nil)
	a := start(t, viewerapi.Options{Auth: g})
	status, lease := a.ask("POST", viewers+"?token=secret&x=y", `{"port": 5}`)
	path := viewers + "/" + lease["id"].(string)
	if expires, _ := time.Parse(time.RFC3339, lease["expires"].(string)); status != 201 || expires.After(until) {
		t.Fatal(status, lease)
	}
	if g.asked.Token != "secret" || g.asked.Query != "x=y" || g.asked.Renew || g.asked.Viewer.String() != "127.0.0.1:5" {
		t.Errorf("%+v", g.asked)
	}
	if _, again := a.ask("PUT", path, ""); again["ttl"].(float64) > permission.Seconds() {
		t.Errorf("renewed beyond the permission: %v", again)
	}
	if _, all := a.ask("POST", "/v1/channels/news/renewals", fmt.Sprintf(`{"ids": [%q]}`, lease["id"])); all["renewed"] != 1.0 {
		t.Errorf("%v", all)
	}
	// A new permission, before the old one ends.
	later := until.Add(permission)
	g.set(auth.Grant{Subject: "alice", Until: later}, nil)
	if status, again := a.ask("PUT", path, "", "Authorization", "Bearer other"); status != 200 || again["ttl"].(float64) < 0.9*permission.Seconds() || !g.asked.Renew {
		t.Fatal(status, again)
	}
	for a.list.Len() > 0 && time.Now().Before(later.Add(patience)) {
		late := time.Now().After(later)
		if got := a.served(); late && len(got) > 0 {
			t.Fatalf("%v is served after its permission", got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if a.list.Len() != 0 || time.Now().Before(later.Add(-2*dstlist.Tick)) {
		t.Errorf("%d viewers, %v before the end", a.list.Len(), time.Until(later))
	}
	g.set(auth.Grant{Until: time.Now()}, nil)
	if status, _ := a.ask("POST", viewers, `{"port": 5}`); status != 401 {
		t.Errorf("a permission that has ended: %d", status)
	}
}

// What the authorizer says is what the client gets; leases that are there are
// not disturbed by one that fails.
func TestAuthorizerSays(t *testing.T) {
	g := new(gate)
	a := start(t, viewerapi.Options{Auth: g})
	_, lease := a.ask("POST", viewers, `{"port": 5}`)
	for err, want := range map[error]int{
		auth.ErrCredentials: 401, auth.ErrForbidden: 403, auth.ErrUnavailable: 503, errors.New("oops"): 500,
	} {
		g.set(auth.Grant{}, err)
		if status, _ := a.ask("POST", viewers, `{"port": 6}`, "Authorization", "Bearer x"); status != want {
			t.Errorf("%v: %d, want %d", err, status, want)
		}
		if status, _ := a.ask("PUT", viewers+"/"+lease["id"].(string), ""); status != 200 {
			t.Errorf("%v: a renewal is refused: %d", err, status)
		}
	}
	if a.list.Len() != 1 {
		t.Errorf("%d viewers", a.list.Len())
	}
}
