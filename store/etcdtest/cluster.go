package etcdtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// patience bounds every wait, on a machine that does much else.
const patience = 60 * time.Second

// Options say what cluster to run.
type Options struct {
	Members int // 0 means 1
	// Flags are etcd's own, after those that make it a cluster: "--cert-file=…".
	Flags []string
	// TLS is how clients talk to members whose Flags give them certificates.
	TLS *tls.Config
	// Fsync makes members wait for the disk, as etcd does. Tests need not:
	// what a killed process has written stays.
	Fsync bool
}

// Cluster is a running cluster. Its methods are for the test's goroutine; they
// fail the test rather than return an error.
type Cluster struct {
	t       testing.TB
	opts    Options
	members []*member
	access  *Access
	ids     []string // of the members, as they call themselves to each other
}

// Start runs a cluster until the test ends, and returns once all members serve.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	opts.Members = max(1, opts.Members)
	c := &Cluster{t: t, opts: opts}
	path, root := binary(t), directory(t)
	var initial []string
	for i := range opts.Members {
		m := &member{name: fmt.Sprint("m", i), path: path}
		m.dir = filepath.Join(root, m.name)
		c.check(os.Mkdir(m.dir, 0o700))
		var err error
		m.peers, err = newProxy(filepath.Join(m.dir, "peer"), true)
		c.check(err)
		t.Cleanup(m.peers.close)
		c.members = append(c.members, m)
		initial = append(initial, m.name+"=http://"+m.peers.address())
	}
	c.access = c.NewAccess()
	for i, m := range c.members {
		m.args = append(c.flags(i, initial), opts.Flags...)
		c.check(m.start())
		t.Cleanup(func() { c.end(m) })
	}
	c.Await()
	return c
}

// directory is a temporary one with a short name: those of sockets are limited.
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (c *Cluster) flags(i int, initial []string) []string {
	m := c.members[i]
	listen := "unix"
	if c.opts.TLS != nil {
		listen = "unixs"
	}
	return []string{
		"--name=" + m.name, "--data-dir=data", "--log-level=warn", "--log-format=console",
		"--listen-peer-urls=unix://peer", "--initial-advertise-peer-urls=http://" + m.peers.address(),
		"--listen-client-urls=" + listen + "://client", "--advertise-client-urls=" + c.scheme() + "://" + c.access.proxies[i].address(),
		"--initial-cluster=" + strings.Join(initial, ","), "--initial-cluster-state=new",
		"--enable-grpc-gateway=false", fmt.Sprintf("--unsafe-no-fsync=%v", !c.opts.Fsync),
	}
}

// scheme is that of URLs for clients.
func (c *Cluster) scheme() string {
	if c.opts.TLS != nil {
		return "https"
	}
	return "http"
}

func (c *Cluster) end(m *member) {
	if err := m.kill(); err != nil {
		c.t.Error(err)
	}
	if c.t.Failed() {
		m.tellLog(c.t)
	}
}

func (c *Cluster) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// Endpoints are the members' addresses for clients, HOST:PORT, in order.
func (c *Cluster) Endpoints() []string { return c.access.Endpoints() }

// URL is the configuration's store: for a prefix of the cluster's keys.
func (c *Cluster) URL(prefix string) string { return c.access.URL(prefix) }

// Client returns a client of the members named, or of all, until the test ends.
func (c *Cluster) Client(members ...int) *clientv3.Client {
	c.t.Helper()
	var endpoints []string
	for i, e := range c.Endpoints() {
		if len(members) == 0 || slices.Contains(members, i) {
			endpoints = append(endpoints, c.scheme()+"://"+e)
		}
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, TLS: c.opts.TLS, Logger: zap.NewNop()})
	c.check(err)
	c.t.Cleanup(func() { client.Close() })
	return client
}

// Await waits until the members named, or all, serve: until each answers a read
// that a majority has agreed to.
func (c *Cluster) Await(members ...int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range c.members {
		if len(members) > 0 && !slices.Contains(members, i) {
			continue
		}
		client := c.Client(i)
		for {
			err := answers(ctx, client)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				c.t.Fatalf("%s does not serve: %v", c.members[i].name, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		c.check(client.Close())
	}
}

// answers asks a member for a key, briefly.
func answers(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := client.Get(ctx, "etcdtest")
	return err
}

// Kill ends members as kill -9 does.
func (c *Cluster) Kill(members ...int) {
	c.t.Helper()
	for _, i := range members {
		c.check(c.members[i].kill())
	}
}

// Restart runs members that were killed again, with the data they have. It does
// not wait for them: see Await.
func (c *Cluster) Restart(members ...int) {
	c.t.Helper()
	for _, i := range members {
		c.check(c.members[i].kill())
		c.check(c.members[i].start())
	}
}

// Freeze stops a member's process where it is, until Thaw.
func (c *Cluster) Freeze(i int) {
	c.t.Helper()
	c.check(c.members[i].signal(syscall.SIGSTOP))
}

// Thaw lets a member go on that was frozen.
func (c *Cluster) Thaw(i int) {
	c.t.Helper()
	c.check(c.members[i].signal(syscall.SIGCONT))
}

// Leader waits until the members that answer agree on a leader, and returns it.
func (c *Cluster) Leader() int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := c.Client()
	defer client.Close()
	for ctx.Err() == nil {
		for i := range c.members {
			asking, cancel := context.WithTimeout(ctx, time.Second)
			status, err := client.Status(asking, c.scheme()+"://"+c.Endpoints()[i])
			cancel()
			if err == nil && status.Leader == status.Header.MemberId {
				return i
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Fatal("the members have no leader")
	return 0
}

// Isolate cuts members off from the others, in both directions; among themselves
// and for clients nothing changes. Heal ends it.
func (c *Cluster) Isolate(members ...int) {
	c.t.Helper()
	isolated := map[string]bool{}
	for _, i := range members {
		isolated[c.id(i)] = true
	}
	for i, m := range c.members {
		inside := slices.Contains(members, i)
		// A probe does not say who it is, and what follows on its connection is not looked at.
		m.peers.refuse(func(from string) bool { return from == "" || isolated[from] != inside })
	}
}

// Heal lets all members reach each other again.
func (c *Cluster) Heal() {
	for _, m := range c.members {
		m.peers.refuse(func(string) bool { return false })
	}
}

// id is what a member calls itself.
func (c *Cluster) id(i int) string {
	c.t.Helper()
	if c.ids == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		client := c.Client()
		defer client.Close()
		list, err := client.MemberList(ctx)
		c.check(err)
		c.ids = make([]string, len(c.members))
		for _, m := range list.Members {
			c.ids[slices.IndexFunc(c.members, func(o *member) bool { return o.name == m.Name })] = fmt.Sprintf("%x", m.ID)
		}
	}
	return c.ids[i]
}
