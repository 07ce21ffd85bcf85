package viewerapi_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
)

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
