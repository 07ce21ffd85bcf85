package viewerapi

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/corecast/corecast/source/dstlist"
)

// counts are what the API has done.
type counts struct {
	joined, renewed, left, expired, refused, unproved, overloaded atomic.Uint64
}

// channelView is a channel as anybody may see it.
type channelView struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Source string `json:"source"`
	M3U    string `json:"m3u"`
}

func (c *channel) view() channelView {
	return channelView{c.Name, c.Title, c.Source.String(), "/v1/channels/" + c.Name + ".m3u"}
}

func (s *Server) listChannels(w http.ResponseWriter, _ *http.Request) {
	all := []channelView{}
	for _, c := range s.sorted() {
		all = append(all, c.view())
	}
	answer(w, http.StatusOK, map[string]any{"channels": all})
}

func (s *Server) showChannel(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutSuffix(r.PathValue("name"), ".m3u"); ok && s.channels[name] != nil {
		s.showPlaylist(w, r, s.channels[name])
		return
	}
	c, err := s.channelOf(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, c.view())
}

// showPlaylist is for a player that listens on a port while somebody else
// (the page, or `corecast watch --join`) keeps the lease.
func (s *Server) showPlaylist(w http.ResponseWriter, r *http.Request, c *channel) {
	port := r.URL.Query().Get("port")
	if port == "" {
		port = strconv.Itoa(defaultPort)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		problem{http.StatusBadRequest, "not a port", fmt.Sprintf("port %.20q: want 1 to 65535", port)}.write(w)
		return
	}
	w.Header().Set("Content-Type", "audio/x-mpegurl")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", c.Name+".m3u"))
	title := strings.NewReplacer("\n", " ", "\r", " ").Replace(c.Title)
	fmt.Fprintf(w, "#EXTM3U\n#EXTINF:-1,%s\nudp://@:%s\n", title, port)
}

// defaultPort is the one that media goes to when nobody says.
const defaultPort = 5004

// Delivery says how many viewers of a channel are served how, and how often one
// has changed.
type Delivery struct {
	CoreCast   int    `json:"corecast"`
	Unicast    int    `json:"unicast"`
	Unresolved int    `json:"unresolved"` // nothing is known of their sites
	ToCoreCast uint64 `json:"to_corecast"`
	ToUnicast  uint64 `json:"to_unicast"`
}

// DeliveryOf is a list's counts for people.
func DeliveryOf(n dstlist.Counts) Delivery {
	return Delivery{n.CoreCast, n.Unicast, n.Unresolved, n.ToCoreCast, n.ToUnicast}
}

// showStatus is for operators.
func (s *Server) showStatus(w http.ResponseWriter, r *http.Request) {
	if !s.operator(r) {
		errOperator.write(w)
		return
	}
	viewers, delivery := map[string]int{}, map[string]Delivery{}
	active, waiting := map[string]bool{}, map[string]int{}
	for _, c := range s.channels {
		active[c.Name], waiting[c.Name] = c.turn.state()
		n := c.Viewers.Counts()
		viewers[c.Name] = n.CoreCast + n.Unicast + n.Unresolved
		delivery[c.Name] = DeliveryOf(n)
	}
	status := map[string]any{
		"viewers": viewers, "delivery": delivery, "joined": s.counts.joined.Load(), "renewed": s.counts.renewed.Load(),
		"left": s.counts.left.Load(), "expired": s.counts.expired.Load(), "refused": s.counts.refused.Load(),
		"unproved": s.counts.unproved.Load(), "overloaded": s.counts.overloaded.Load(),
		"active": active, "waiting": waiting,
	}
	if s.opts.Mappings != nil {
		status["mappings"] = s.opts.Mappings()
	}
	answer(w, http.StatusOK, status)
}

//go:embed page.html
var pageText string

func renderPage(channels []*channel) ([]byte, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("the viewers' page: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{"Channels": channels, "Port": defaultPort})
	return b.Bytes(), err
}

func (s *Server) showPage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.page)
}
