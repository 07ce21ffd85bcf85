package p4rtserver

import (
	"strings"
	"testing"

	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func (f *fixture) get(kind p4v1.GetForwardingPipelineConfigRequest_ResponseType) *p4v1.ForwardingPipelineConfig {
	f.t.Helper()
	m, err := f.client.GetForwardingPipelineConfig(f.t.Context(), &p4v1.GetForwardingPipelineConfigRequest{DeviceId: testDevice, ResponseType: kind})
	if err != nil {
		f.t.Fatal(err)
	}
	return m.Config
}

func TestPipelineIsReadBackAsAsked(t *testing.T) {
	f := newFixture(t)
	if got := f.get(p4v1.GetForwardingPipelineConfigRequest_ALL); got != nil {
		t.Fatalf("config %v before one was set", got)
	}
	s := f.open()
	s.arbitrate(&p4v1.Uint128{Low: 1})
	s.next()
	if err := f.push(p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT, f.config); err != nil {
		t.Fatal(err)
	}
	all, cookie := f.config, f.config.Cookie
	tests := map[p4v1.GetForwardingPipelineConfigRequest_ResponseType]*p4v1.ForwardingPipelineConfig{
		p4v1.GetForwardingPipelineConfigRequest_ALL:                      all,
		p4v1.GetForwardingPipelineConfigRequest_COOKIE_ONLY:              {Cookie: cookie},
		p4v1.GetForwardingPipelineConfigRequest_P4INFO_AND_COOKIE:        {Cookie: cookie, P4Info: all.P4Info},
		p4v1.GetForwardingPipelineConfigRequest_DEVICE_CONFIG_AND_COOKIE: {Cookie: cookie, P4DeviceConfig: all.P4DeviceConfig},
	}
	for kind, want := range tests {
		if got := f.get(kind); !proto.Equal(got, want) {
			t.Errorf("%v is not what was set", kind)
		}
	}
}

func TestPipelineActions(t *testing.T) {
	f := newFixture(t)
	s := f.open()
	const (
		verify    = p4v1.SetForwardingPipelineConfigRequest_VERIFY
		save      = p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_SAVE
		commit    = p4v1.SetForwardingPipelineConfigRequest_COMMIT
		reconcile = p4v1.SetForwardingPipelineConfigRequest_RECONCILE_AND_COMMIT
	)
	expect := func(code codes.Code, action p4v1.SetForwardingPipelineConfigRequest_Action, config *p4v1.ForwardingPipelineConfig) {
		t.Helper()
		if err := f.push(action, config); status.Code(err) != code {
			t.Fatalf("%v = %v, want %v", action, err, code)
		}
	}
	expect(codes.PermissionDenied, verify, f.config)
	s.arbitrate(&p4v1.Uint128{Low: 1})
	s.next()
	expect(codes.InvalidArgument, verify, nil)
	expect(codes.InvalidArgument, 0, f.config)
	expect(codes.Unimplemented, reconcile, f.config)
	expect(codes.NotFound, commit, nil)
	expect(codes.OK, verify, f.config)
	if err := f.write(); status.Code(err) != codes.FailedPrecondition {
		t.Fatalf("write without a pipeline = %v", err)
	}
	if _, err := f.read(); status.Code(err) != codes.FailedPrecondition {
		t.Fatalf("read without a pipeline = %v", err)
	}

	// Writes to a saved pipeline come into force with it.
	expect(codes.OK, save, f.config)
	entry := `entity { table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x01" } } action { action { action_id: <drop> } } } }`
	f.mustWrite("type: INSERT " + entry)
	if f.plane.Load() != nil {
		t.Fatal("a saved pipeline forwards")
	}
	expect(codes.InvalidArgument, commit, f.config)
	expect(codes.OK, commit, nil)
	if f.plane.Load() == nil {
		t.Fatal("a committed pipeline does not forward")
	}
	if err := f.write("type: INSERT " + entry); batchErrors(t, err)[0].CanonicalCode != int32(codes.AlreadyExists) {
		t.Fatalf("the entry written before the commit is lost: %v", err)
	}

	// A push starts from nothing.
	expect(codes.OK, p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT, f.config)
	f.expectRead(`table_entry { table_id: <l2> }`)
}

func TestP4InfoThatIsNotTheProgramsIsRefused(t *testing.T) {
	f := newFixture(t)
	s := f.open()
	s.arbitrate(&p4v1.Uint128{Low: 1})
	s.next()
	tests := []struct {
		name   string
		change func(*configv1.P4Info)
		want   string
	}{
		{"table", func(i *configv1.P4Info) { i.Tables[0].Preamble.Name = "other" }, `"other"`},
		{"table id", func(i *configv1.P4Info) { i.Tables[0].Preamble.Id = 0 }, "id 0"},
		{"fields", func(i *configv1.P4Info) { i.Tables[0].MatchFields = nil }, "0 match fields"},
		{"field width", func(i *configv1.P4Info) { i.Tables[0].MatchFields[0].Bitwidth = 47 }, "47 bits"},
		{"field kind", func(i *configv1.P4Info) {
			i.Tables[0].MatchFields[0].Match = &configv1.MatchField_MatchType_{MatchType: configv1.MatchField_LPM}
		}, "LPM"},
		{"action", func(i *configv1.P4Info) { i.Actions[0].Preamble.Name = "other" }, `"other"`},
		{"action of none", func(i *configv1.P4Info) { i.Tables[0].ActionRefs[0].Id = 1 }, "id 1"},
		{"params", func(i *configv1.P4Info) { actionNamed(i, "forward").Params = nil }, "0 parameters"},
		{"param width", func(i *configv1.P4Info) { actionNamed(i, "forward").Params[0].Bitwidth = 8 }, "8 bits"},
		{"counter", func(i *configv1.P4Info) { i.Counters[0].Preamble.Name = "other" }, `"other"`},
		{"counter size", func(i *configv1.P4Info) { i.Counters[0].Size = 9 }, "9 cells"},
		{"direct counter", func(i *configv1.P4Info) { i.DirectCounters[0].DirectTableId = i.Tables[1].Preamble.Id }, "toolbox_ingress.routes"},
		{"register", func(i *configv1.P4Info) { i.Registers[0].Size = 9 }, "9 cells"},
		{"digest", func(i *configv1.P4Info) { i.Digests[0].Preamble.Name = "other" }, `"other"`},
		{"header", func(i *configv1.P4Info) { i.ControllerPacketMetadata[0].Metadata[0].Bitwidth = 0 }, "0 bits"},
	}
	for _, tt := range tests {
		config := proto.Clone(f.config).(*p4v1.ForwardingPipelineConfig)
		tt.change(config.P4Info)
		err := f.push(p4v1.SetForwardingPipelineConfigRequest_VERIFY, config)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want INVALID_ARGUMENT with %q", tt.name, err, tt.want)
		}
	}
	for _, program := range []string{"{", "[]", `{"tables": 1}`} {
		err := f.push(p4v1.SetForwardingPipelineConfigRequest_VERIFY, &p4v1.ForwardingPipelineConfig{P4Info: f.config.P4Info, P4DeviceConfig: []byte(program)})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("program %q: %v, want INVALID_ARGUMENT", program, err)
		}
	}
}

func actionNamed(info *configv1.P4Info, alias string) *configv1.Action {
	for _, a := range info.Actions {
		if a.Preamble.Alias == alias {
			return a
		}
	}
	panic("the toolbox has no action " + alias)
}

func TestCapabilities(t *testing.T) {
	f := newFixture(t)
	m, err := f.client.Capabilities(t.Context(), &p4v1.CapabilitiesRequest{})
	if err != nil || m.P4RuntimeApiVersion != APIVersion {
		t.Fatalf("%v, %v", m, err)
	}
}
