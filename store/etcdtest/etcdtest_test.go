package etcdtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/corecast/corecast/store/etcdtest"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// put writes through a client until it is acknowledged.
func put(t *testing.T, client *clientv3.Client, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		_, err := client.Put(asking, key, value)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
}

func want(t *testing.T, client *clientv3.Client, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := client.Get(ctx, key)
	if err != nil || len(r.Kvs) != 1 || string(r.Kvs[0].Value) != value {
		t.Fatalf("%s: %v, %v; want %s", key, r, err, value)
	}
}

// cannotWrite checks that a client is not served.
func cannotWrite(t *testing.T, client *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := client.Put(ctx, "refused", ""); err == nil {
		t.Error("a write was acknowledged")
	}
}

func TestThreeMembersUnderFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("elections take seconds")
	}
	t.Parallel()
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	client := c.Client()
	put(t, client, "first", "1")

	leader := c.Leader()
	c.Kill(leader)
	put(t, client, "leader-killed", "2")
	c.Restart(leader)
	c.Await()
	want(t, c.Client(leader), "leader-killed", "2")

	leader = c.Leader()
	c.Isolate(leader)
	other := c.Client((leader+1)%3, (leader+2)%3)
	put(t, other, "leader-isolated", "3")
	cannotWrite(t, c.Client(leader))
	c.Heal()
	c.Await()
	want(t, c.Client(leader), "leader-isolated", "3")

	for key, value := range map[string]string{"first": "1", "leader-killed": "2", "leader-isolated": "3"} {
		want(t, client, key, value)
	}
}

func TestAccessIsCutForOneClientOnly(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, etcdtest.Options{})
	a := c.NewAccess()
	cut, err := clientv3.New(clientv3.Config{Endpoints: a.Endpoints(), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	put(t, cut, "k", "1")
	for name, fault := range map[string]func(){"stalled": a.Stall, "broken": a.Break} {
		fault()
		cannotWrite(t, cut)
		put(t, c.Client(), name, "1")
		a.Restore()
		put(t, cut, "k", "2")
	}
	want(t, cut, "k", "2")
}
