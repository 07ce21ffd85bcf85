package northbound

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
)

type channelsInput struct {
	PageInput
	Site   string `query:"site" doc:"the channels of this site"`
	Switch string `query:"switch" doc:"the channels that enter by this switch"`
	State  string `query:"state" enum:"ready,pending,failing,unused" doc:"the channels in this state"`
}

type channelsOutput struct{ Body api.Channels }

func (s *Server) registerChannels() {
	huma.Register(s.api, operation("list-channels", "/api/v1/channels", "Channels, and how far they are", 422),
		func(_ context.Context, in *channelsInput) (*channelsOutput, error) {
			list, err := s.channels(in)
			return &channelsOutput{list}, err
		})
	registerWritable(s, writable[api.Channel]{
		inventory.Channel, "channels", reflect.TypeFor[api.ChannelSpec](),
		func(o inventory.Object) api.Channel { return channelOf(&o, s.statesOf(o.Name)) },
		func(o inventory.Object) api.Channel { return channelOf(&o, nil) },
	})
}

func (s *Server) channels(in *channelsInput) (api.Channels, error) {
	for _, want := range []inventory.Ref{{Kind: inventory.Site, Name: in.Site}, {Kind: inventory.Switch, Name: in.Switch}} {
		if want.Name == "" {
			continue
		}
		if _, ok := s.opts.Inventory.Get(want); !ok {
			fix := config.DidYouMean(want.Name, s.opts.Inventory.Names(want.Kind))
			return api.Channels{}, wrong("query."+string(want.Kind), want.Name, "is no "+string(want.Kind), fix)
		}
	}
	var states map[string][]api.ObjectState // of all, if that is asked for
	if in.State != "" {
		states = s.statesOf("")
	}
	objects, next, err := s.page(inventory.Channel, &in.PageInput, func(o *inventory.Object) bool {
		ch := o.Spec.(config.Channel)
		return (in.Site == "" || ch.Site == in.Site) && (in.Switch == "" || ch.Ingress.Switch == in.Switch) &&
			(in.State == "" || string(channelOf(o, states).State) == in.State)
	})
	list := api.Channels{Items: make([]api.Channel, 0, len(objects)), NextCursor: next}
	for i := range objects {
		of := states
		if of == nil {
			of = s.statesOf(objects[i].Name)
		}
		list.Items = append(list.Items, channelOf(&objects[i], of))
	}
	return list, err
}

// statesOf are the states of channels on their switches, by name; with a name,
// of that one.
func (s *Server) statesOf(name string) map[string][]api.ObjectState {
	states := map[string][]api.ObjectState{}
	add := func(kind controller.Kind, name, role string) {
		for _, o := range s.opts.Controller.Objects(kind, name) {
			channel := strings.TrimSuffix(o.Name, "/ipv6") // its second payload store
			states[channel] = append(states[channel], api.ObjectState{
				Switch: o.Switch, Role: role, State: stateOf(o.State), Wanted: o.Wanted, Installed: o.Installed, Why: o.Why, Since: o.Since,
			})
		}
	}
	add(controller.KindChannel, name, "itr")
	add(controller.KindStream, name, "etr")
	if name != "" {
		add(controller.KindStream, name+"/ipv6", "etr")
	}
	return states
}

func stateOf(state controller.ObjectState) api.State {
	switch state {
	case controller.Installed:
		return api.Ready
	case controller.Refused:
		return api.Failing
	}
	return api.Pending
}

// channelOf is what is told of a channel.
func channelOf(o *inventory.Object, states map[string][]api.ObjectState) api.Channel {
	ch := api.Channel{Name: o.Name, Meta: metaOf(o), Spec: o.Spec.(config.Channel), State: api.Ready, Switches: merged(states[o.Name])}
	if o.Unused != "" {
		ch.State, ch.Reason, ch.Switches = api.Unused, o.Unused, []api.ObjectState{}
		return ch
	}
	atITR := false
	for _, st := range ch.Switches {
		atITR = atITR || st.Role == "itr"
		if rank(st.State) > rank(ch.State) {
			ch.State, ch.Reason = st.State, reasonOf(&st)
		}
	}
	if !atITR && ch.State == api.Ready {
		ch.State, ch.Reason = api.Pending, "the ITR, "+ch.Spec.Ingress.Switch+", was not told of it yet"
	}
	return ch
}

func rank(s api.State) int { return slices.Index([]api.State{api.Ready, api.Pending, api.Failing}, s) }

func reasonOf(st *api.ObjectState) string {
	return "switch " + st.Switch + ": " + cmp.Or(st.Why, "does not hold all of it yet")
}

// merged makes one of the states that a dual-stack channel has twice on a
// switch.
func merged(states []api.ObjectState) []api.ObjectState {
	out := []api.ObjectState{}
	for _, st := range states {
		i := slices.IndexFunc(out, func(o api.ObjectState) bool { return o.Switch == st.Switch && o.Role == st.Role })
		if i < 0 {
			out = append(out, st)
			continue
		}
		o := &out[i]
		o.Wanted, o.Installed = o.Wanted+st.Wanted, o.Installed+st.Installed
		if rank(st.State) > rank(o.State) {
			o.State, o.Why, o.Since = st.State, st.Why, st.Since
		}
	}
	return out
}
