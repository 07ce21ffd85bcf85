package etcdtest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
)

// proxy forwards TCP connections to a member's Unix socket, as far as it is let.
type proxy struct {
	listener net.Listener
	socket   string
	peers    bool // the other side says who it is, as members do
	wg       sync.WaitGroup

	mu      sync.Mutex               // guards what follows
	links   map[*link]struct{}       // connections that are being forwarded
	refuses func(member string) bool // connections of these are refused; "" are those not known
	flow    chan struct{}            // closed unless the proxy is stalled
}

// link is one connection.
type link struct {
	in, out net.Conn
	member  string // the id of the member that made it; empty if not known
	done    chan struct{}
	once    sync.Once // of end
}

func (l *link) end() {
	l.once.Do(func() {
		close(l.done)
		l.in.Close()
		if l.out != nil {
			l.out.Close()
		}
	})
}

func newProxy(socket string, peers bool) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{
		listener: listener, socket: socket, peers: peers, links: map[*link]struct{}{},
		refuses: func(string) bool { return false }, flow: make(chan struct{}),
	}
	close(p.flow)
	p.wg.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// close ends the proxy and all its connections.
func (p *proxy) close() {
	p.listener.Close()
	p.refuse(func(string) bool { return true })
	p.wg.Wait()
}

// refuse ends connections, and refuses new ones, of the members that it is true
// of.
func (p *proxy) refuse(refuses func(member string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = refuses
	for l := range p.links {
		if refuses(l.member) {
			l.end()
		}
	}
}

// stall keeps all that comes until it is called with false, as a network does
// that loses everything: nobody is told.
func (p *proxy) stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flow:
		if on {
			p.flow = make(chan struct{})
		}
	default:
		if !on {
			close(p.flow)
		}
	}
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.forward(&link{in: conn, done: make(chan struct{})}) })
	}
}

// forward carries one connection until a side ends it.
func (p *proxy) forward(l *link) {
	defer l.end()
	p.add(l)
	defer p.remove(l)
	var head bytes.Buffer
	member := ""
	if p.peers { // who it is stands in the first request
		request, err := http.ReadRequest(bufio.NewReader(io.TeeReader(l.in, &head)))
		if err != nil {
			return
		}
		member = request.Header.Get("X-Server-From")
	}
	if !p.name(l, member) {
		return
	}
	out, err := net.Dial("unix", p.socket)
	if err != nil || !p.connected(l, out) {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.copy(l, l.out, io.MultiReader(&head, l.in)) })
	wg.Go(func() { p.copy(l, l.in, l.out) })
	wg.Wait()
}

func (p *proxy) add(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l] = struct{}{}
}

func (p *proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// name notes which member made a connection; false if it is refused.
func (p *proxy) name(l *link, member string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.member = member
	return !p.refuses(member)
}

// connected notes the connection to the member; false if it was ended meanwhile.
func (p *proxy) connected(l *link, out net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-l.done:
		out.Close()
		return false
	default:
		l.out = out
		return true
	}
}

// copy carries one direction of a connection, which ends with it.
func (p *proxy) copy(l *link, to io.Writer, from io.Reader) {
	defer l.end()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			select {
			case <-p.flowing():
			case <-l.done:
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) flowing() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flow
}
