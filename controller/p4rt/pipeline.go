package p4rt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Pipeline is a compiled program. Make it with NewPipeline.
type Pipeline struct {
	info   *p4configv1.P4Info
	device []byte
	cookie uint64
}

// NewPipeline returns the pipeline of a P4Info and the target's device
// configuration (BMv2 JSON). Neither may be changed afterwards.
func NewPipeline(info *p4configv1.P4Info, device []byte) (*Pipeline, error) {
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("P4Info: %w", err)
	}
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
	h.Write(text)
	h.Write(device)
	return &Pipeline{info: info, device: device, cookie: binary.BigEndian.Uint64(h.Sum(nil))}, nil
}

// Cookie identifies the pipeline: 64 bits of SHA-256 over its content.
func (p *Pipeline) Cookie() uint64 { return p.cookie }

// PipelineCookie returns the cookie of the pipeline that the switch runs, and
// whether it runs one at all.
func (s *Session) PipelineCookie(ctx context.Context) (cookie uint64, running bool, err error) {
	rpc, _ := s.client()
	held, err := rpc.GetForwardingPipelineConfig(ctx, &p4v1.GetForwardingPipelineConfigRequest{
		DeviceId:     s.opts.DeviceID,
		ResponseType: p4v1.GetForwardingPipelineConfigRequest_COOKIE_ONLY,
	})
	code := status.Code(err)
	if code == codes.FailedPrecondition || code == codes.NotFound && s.stream != nil { // arbitration would have refused another device
		return 0, false, nil // a switch started without a program
	}
	if err != nil {
		return 0, false, reason("read pipeline cookie", err)
	}
	if held.GetConfig() == nil {
		return 0, false, nil
	}
	return held.GetConfig().GetCookie().GetCookie(), true, nil
}

// EnsurePipeline pushes p unless the switch runs it already, and reports
// whether it did. Over an older pipeline it first deletes the multicast
// groups, which bmv2 would keep in a broken state.
func (s *Session) EnsurePipeline(ctx context.Context, p *Pipeline) (pushed bool, err error) {
	cookie, running, err := s.PipelineCookie(ctx)
	if err != nil || running && cookie == p.cookie {
		return false, err
	}
	if running {
		groups, err := s.ReadGroups(ctx)
		if err != nil {
			return false, fmt.Errorf("before replacing the pipeline: %w", err)
		}
		var deletes []Update
		for _, g := range groups {
			deletes = append(deletes, Update{Delete, g})
		}
		if err := s.Write(ctx, deletes); err != nil {
			return false, fmt.Errorf("before replacing the pipeline: %w", err)
		}
	}
	rpc, id := s.client()
	_, err = rpc.SetForwardingPipelineConfig(ctx, &p4v1.SetForwardingPipelineConfigRequest{
		DeviceId:   s.opts.DeviceID,
		ElectionId: id.proto(),
		Action:     p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT,
		Config: &p4v1.ForwardingPipelineConfig{
			P4Info: p.info, P4DeviceConfig: p.device,
			Cookie: &p4v1.ForwardingPipelineConfig_Cookie{Cookie: p.cookie},
		},
	})
	if err != nil {
		return false, reason("push pipeline", err)
	}
	return true, nil
}
