package northbound

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
)

type streamsInput struct {
	Channel string `query:"channel" doc:"the streams of this channel"`
	Switch  string `query:"switch" doc:"the streams that this switch takes"`
	PageInput
}

type streamsOutput struct{ Body api.Streams }

type dropsInput struct {
	Switch string `query:"switch" doc:"of this switch alone"`
}

type dropsOutput struct{ Body api.Drops }

func (s *Server) registerStreams() {
	huma.Register(s.api, operation("list-streams", "/api/v1/streams", "Streams that ETRs take from other sites", 422),
		func(_ context.Context, in *streamsInput) (*streamsOutput, error) {
			list, err := s.streams(in)
			return &streamsOutput{list}, err
		})
	huma.Register(s.api, operation("list-drops", "/api/v1/drops", "What switches have dropped, and why: read from their counters", 404),
		func(ctx context.Context, in *dropsInput) (*dropsOutput, error) {
			list, err := s.drops(ctx, in.Switch)
			return &dropsOutput{list}, err
		})
}

// streams returns a page.
func (s *Server) streams(in *streamsInput) (api.Streams, error) {
	after, err := in.after()
	if err != nil {
		return api.Streams{}, err
	}
	page := api.Streams{Items: []api.Stream{}}
	var states map[[2]string]controller.ObjectStatus
	for _, r := range s.opts.Controller.Received() {
		place := r.Switch + " " + r.Name
		if place <= after || in.Switch != "" && in.Switch != r.Switch || in.Channel != "" && in.Channel != strings.TrimSuffix(r.Name, "/ipv6") {
			continue
		}
		if len(page.Items) == in.Limit {
			last := page.Items[in.Limit-1]
			page.NextCursor = cursorAfter(last.Switch + " " + last.Name)
			break
		}
		if states == nil {
			states = s.streamStates()
		}
		page.Items = append(page.Items, s.streamOf(&r, states))
	}
	return page, nil
}

// streamStates are the states of all streams, by switch and name.
func (s *Server) streamStates() map[[2]string]controller.ObjectStatus {
	states := map[[2]string]controller.ObjectStatus{}
	for _, o := range s.opts.Controller.Objects(controller.KindStream, "") {
		states[[2]string{o.Switch, o.Name}] = o
	}
	return states
}

func (s *Server) streamOf(r *controller.Received, states map[[2]string]controller.ObjectStatus) api.Stream {
	st := api.Stream{
		Name: r.Name, Switch: r.Switch, SourceEID: r.SourceEID, ReservedEID: r.ReservedEID, RLOCs: append([]netip.Addr{}, r.RLOCs...),
		Delivery: string(config.Unicast), Learned: r.Learned, Slot: r.Slot, State: api.Pending,
	}
	if r.Group.IsValid() {
		st.Delivery, st.Group = string(config.Multicast), r.Group.String()
	}
	if sw, ok := s.opts.Inventory.Get(inventory.Ref{Kind: inventory.Switch, Name: r.Switch}); ok {
		st.Site = sw.Spec.(config.Switch).Site
	}
	if o, ok := states[[2]string{r.Switch, r.Name}]; ok {
		st.State, st.Why = stateOf(o.State), o.Why
	}
	return st
}

const (
	// dropsTime bounds how long switches may take to tell what they dropped.
	dropsTime = 5 * time.Second
	// dropsAtOnce is how many are asked at the same time.
	dropsAtOnce = 16
)

// drops asks switches for their counters.
func (s *Server) drops(ctx context.Context, only string) (api.Drops, error) {
	names := s.opts.Inventory.Names(inventory.Switch)
	if only != "" {
		if !slices.Contains(names, only) {
			return api.Drops{}, s.missing(inventory.Switch, only)
		}
		names = []string{only}
	}
	ctx, cancel := context.WithTimeout(ctx, dropsTime)
	defer cancel()
	out := api.Drops{Items: []api.Drop{}, Unread: []api.Unread{}}
	var mu sync.Mutex // guards out
	var wg sync.WaitGroup
	turns := make(chan struct{}, dropsAtOnce)
	for _, name := range names {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			counts, err := s.opts.Controller.Drops(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				out.Unread = append(out.Unread, api.Unread{Switch: name, Why: err.Error()})
			}
			for reason, n := range counts {
				out.Items = append(out.Items, api.Drop{Switch: name, Reason: reason, Packets: n.Packets, Bytes: n.Bytes})
			}
		})
	}
	wg.Wait()
	slices.SortFunc(out.Items, func(x, y api.Drop) int {
		return cmp.Or(cmp.Compare(x.Switch, y.Switch), cmp.Compare(x.Reason, y.Reason))
	})
	slices.SortFunc(out.Unread, func(x, y api.Unread) int { return cmp.Compare(x.Switch, y.Switch) })
	return out, nil
}
