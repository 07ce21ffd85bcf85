package viewerapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
)

// Events come in order, and again for those who missed some.
func TestEvents(t *testing.T) {
	a := start(t, viewerapi.Options{OperatorToken: "boss"})
	for _, token := range []string{"", "Bearer wrong"} {
		if status, _ := a.ask("GET", "/v1/events", "", "Authorization", token); status != 403 {
			t.Errorf("%q may see the events: %d", token, status)
		}
	}
	_, lease := a.ask("POST", viewers, `{"port": 5}`)
	a.ask("DELETE", viewers+"/"+lease["id"].(string), "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", a.url+"/v1/events?channel=news", nil)
	r.Header.Set("Authorization", "Bearer boss")
	r.Header.Set("Last-Event-ID", "1")
	reply, err := a.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	go func() { a.ask("POST", viewers, `{"port": 6}`) }()
	var got []viewerapi.Event
	for lines := bufio.NewScanner(reply.Body); len(got) < 2 && lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var e viewerapi.Event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
	}
	if len(got) != 2 || got[0].Type != "leave" || got[0].ID != 2 || got[1].Type != "join" || got[1].ID != 3 ||
		got[1].Port != 6 || got[1].EID != "127.0.0.1" || got[1].Channel != "news" {
		t.Errorf("%+v", got)
	}
	if status, v := a.ask("GET", "/v1/status", "", "Authorization", "Bearer boss"); status != 200 || v["joined"] != 2.0 || v["left"] != 1.0 {
		t.Error(status, v)
	}
}

// The webhook is told all events, again when it fails, and signed.
func TestWebhook(t *testing.T) {
	type post struct {
		Missed uint64
		Events []viewerapi.Event
	}
	posts := make(chan post, 10)
	fail := true
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if !credential.Verify([]byte("secret"), time.Now(), time.Minute, b, r.Header.Get(credential.SignatureHeader)) {
			t.Error("the signature is wrong")
		}
		if fail {
			fail = false
			w.WriteHeader(500)
			return
		}
		var p post
		if err := json.Unmarshal(b, &p); err != nil {
			t.Error(err)
		}
		posts <- p
	}))
	defer hook.Close()
	var said []string
	a := start(t, viewerapi.Options{Webhook: viewerapi.Webhook{URL: hook.URL, Secret: "secret", Failed: func(m string) { said = append(said, m) }}})
	a.ask("POST", viewers, `{"port": 5}`)
	for next := uint64(1); next < 2; {
		p := <-posts
		for _, e := range p.Events {
			if e.ID != next || e.Type != "join" {
				t.Errorf("%+v", e)
			}
			next++
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "500") {
		t.Errorf("said %q", said)
	}
}

// Who follows the events is not cut off when the time is up that a request or
// an answer may take.
func TestEventsGoOn(t *testing.T) {
	t.Parallel()
	list := dstlist.New(dstlist.Options{KeepExpired: true})
	s, err := viewerapi.New(viewerapi.Options{}, viewerapi.Channel{Name: "news", Viewers: list})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := viewerapi.NewHTTPServer(s.Handler())
	web.ReadTimeout, web.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	served := make(chan error)
	go func() { served <- web.Serve(l) }()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- s.Run(ctx) }()
	defer func() {
		cancel()
		<-ran
		_ = web.Close()
		<-served
	}()

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	url := "http://" + l.Addr().String()
	reply, err := client.Get(url + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	time.Sleep(time.Second) // longer than either
	joined, err := client.Post(url+"/v1/channels/news/viewers", "", strings.NewReader(`{"port": 5004}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = joined.Body.Close()
	for in := bufio.NewScanner(reply.Body); in.Scan(); {
		if in.Text() == "event: join" {
			return
		}
	}
	t.Error("the events have ended")
}
