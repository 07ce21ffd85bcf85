package p4rtserver

import (
	"context"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

// pipeline is one pushed configuration and the dataplane that runs it, with
// what a client may read back and the engine does not keep. Server.mu guards
// all but digests.
type pipeline struct {
	config  *p4v1.ForwardingPipelineConfig
	schema  *schema
	plane   *engine.Dataplane
	notes   map[string]entryNote           // by entry key, of entries that have one
	groups  map[uint32][]engine.Replica    // multicast groups, in order
	clones  map[uint32]engine.CloneSession // clone sessions
	digests *digester
}

var errNoPipeline = status.Error(codes.FailedPrecondition, "no forwarding pipeline is set: call SetForwardingPipelineConfig first")

func (s *Server) newPipeline(config *p4v1.ForwardingPipelineConfig) (*pipeline, error) {
	if config == nil || config.P4Info == nil || len(config.P4DeviceConfig) == 0 {
		return nil, invalid("config is incomplete: p4info and p4_device_config (a BMv2 JSON) are needed")
	}
	prog, err := s.cfg.Compile(config.P4DeviceConfig)
	if err != nil {
		return nil, invalid("p4_device_config: %v", err)
	}
	sch, err := newSchema(config.P4Info, prog)
	if err != nil {
		return nil, err
	}
	return &pipeline{
		config:  config,
		schema:  sch,
		plane:   engine.New(prog, s.cfg.Engine),
		notes:   map[string]entryNote{},
		groups:  map[uint32][]engine.Replica{},
		clones:  map[uint32]engine.CloneSession{},
		digests: newDigester(sch),
	}, nil
}

// SetForwardingPipelineConfig implements the P4Runtime RPC. A saved pipeline
// gets a dataplane of its own, which takes the writes that follow; committing
// it swaps it in.
func (s *Server) SetForwardingPipelineConfig(ctx context.Context, req *p4v1.SetForwardingPipelineConfigRequest) (*p4v1.SetForwardingPipelineConfigResponse, error) {
	if err := s.checkTarget(req.DeviceId, req.Role, req.RoleId); err != nil {
		return nil, err
	}
	s.mu.RLock()
	err := s.checkPrimaryLocked(req.ElectionId)
	s.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	// Compiling takes long, so it is done before the lock is taken for good.
	var p *pipeline
	switch req.Action {
	case p4v1.SetForwardingPipelineConfigRequest_VERIFY,
		p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_SAVE,
		p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT:
		if p, err = s.newPipeline(req.Config); err != nil {
			return nil, err
		}
	case p4v1.SetForwardingPipelineConfigRequest_COMMIT:
		if req.Config != nil {
			return nil, invalid("action COMMIT takes no config: it commits the saved one")
		}
	case p4v1.SetForwardingPipelineConfigRequest_RECONCILE_AND_COMMIT:
		return nil, unimplemented("action RECONCILE_AND_COMMIT")
	default:
		return nil, invalid("action %v is not one to take: use VERIFY_AND_COMMIT", req.Action)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkPrimaryLocked(req.ElectionId); err != nil {
		return nil, err
	}
	return &p4v1.SetForwardingPipelineConfigResponse{}, s.applyLocked(req.Action, p)
}

func (s *Server) applyLocked(action p4v1.SetForwardingPipelineConfigRequest_Action, p *pipeline) error {
	switch action {
	case p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_SAVE:
		s.pipe, s.saved = p, true
	case p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT:
		s.pipe = p
		s.commitLocked()
	case p4v1.SetForwardingPipelineConfigRequest_COMMIT:
		if !s.saved {
			return status.Error(codes.NotFound, "no config is saved: call VERIFY_AND_SAVE first")
		}
		s.commitLocked()
	}
	return nil
}

// commitLocked makes pipe the one that packets go through.
func (s *Server) commitLocked() {
	s.stopRunningLocked()
	p := s.pipe
	s.saved = false
	s.running = p
	s.refreshPuntLocked()
	s.cfg.Swap(p.plane)
	s.wg.Go(func() { p.digests.run(s, p.plane.Digests()) })
	s.log.Info("pipeline committed", "cookie", p.config.GetCookie().GetCookie(), "tables", len(p.schema.tableList))
}

func (s *Server) stopRunningLocked() {
	if s.running != nil {
		s.running.digests.stop()
		s.running = nil
	}
}

// GetForwardingPipelineConfig implements the P4Runtime RPC.
func (s *Server) GetForwardingPipelineConfig(ctx context.Context, req *p4v1.GetForwardingPipelineConfigRequest) (*p4v1.GetForwardingPipelineConfigResponse, error) {
	if err := s.checkTarget(req.DeviceId, "", 0); err != nil {
		return nil, err
	}
	s.mu.RLock()
	p := s.pipe
	s.mu.RUnlock()
	if p == nil {
		return &p4v1.GetForwardingPipelineConfigResponse{}, nil // as specified, and no error
	}
	out := &p4v1.ForwardingPipelineConfig{Cookie: p.config.Cookie}
	switch req.ResponseType {
	case p4v1.GetForwardingPipelineConfigRequest_ALL:
		out.P4Info, out.P4DeviceConfig = p.config.P4Info, p.config.P4DeviceConfig
	case p4v1.GetForwardingPipelineConfigRequest_COOKIE_ONLY:
	case p4v1.GetForwardingPipelineConfigRequest_P4INFO_AND_COOKIE:
		out.P4Info = p.config.P4Info
	case p4v1.GetForwardingPipelineConfigRequest_DEVICE_CONFIG_AND_COOKIE:
		out.P4DeviceConfig = p.config.P4DeviceConfig
	default:
		return nil, invalid("response_type %d is not known: use 0 to 3", req.ResponseType)
	}
	return &p4v1.GetForwardingPipelineConfigResponse{Config: out}, nil
}
