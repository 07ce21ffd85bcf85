package main

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// relay passes connections on to a server, until they are cut.
type relay struct {
	net.Listener
	to string

	mu    sync.Mutex // guards what follows
	cut   bool       // whoever comes is sent away
	conns map[net.Conn]bool
	wait  sync.WaitGroup
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: to, conns: map[net.Conn]bool{}}
	r.wait.Go(r.accept)
	t.Cleanup(func() {
		l.Close()
		r.set(true)
		r.wait.Wait()
	})
	return r
}

func (r *relay) accept() {
	for {
		conn, err := r.Accept()
		if err != nil {
			return
		}
		r.wait.Go(func() { r.pass(conn) })
	}
}

// pass joins a connection with one to the server.
func (r *relay) pass(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	r.mu.Lock()
	if r.cut {
		r.mu.Unlock()
		return
	}
	r.conns[conn], r.conns[server] = true, true
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, conn) // ends with either
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
	conn.Close()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, conn)
	delete(r.conns, server)
}

// set cuts all connections, or lets new ones through.
func (r *relay) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	for conn := range r.conns {
		if cut {
			conn.Close()
		}
	}
}

// losesController: a page whose controller has gone says so, marks what it shows,
// and follows again when there is one.
func (b *browser) losesController() {
	r := startRelay(b.T, strings.TrimPrefix(b.url, "http://"))
	direct := b.url
	b.url = "http://" + r.Addr().String()
	defer func() { b.url = direct }()
	b.screen(1280, "light")
	b.show("/channels/news")
	b.follows()
	r.set(true)
	b.until("the page says that it is old", `document.documentElement.hasAttribute("data-stale") && document.querySelector("#stale").textContent.includes("what is shown is of")`)
	b.until("so does the sign", `document.querySelector("#following").textContent === "not connected"`)
	b.picture("lost-1280-light")
	var wrong []string
	b.do(chromedp.Evaluate(checkJS, &wrong))
	for _, w := range wrong {
		b.Errorf("lost: %s", w)
	}
	r.set(false)
	b.follows()
	b.until("the mark is gone", `!document.documentElement.hasAttribute("data-stale") && document.querySelector("#stale").hidden`)
}
