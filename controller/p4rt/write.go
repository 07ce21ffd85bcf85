package p4rt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxBatch is the number of updates in one Write request: large enough that
// the round trip does not matter, small enough for any message limit.
const maxBatch = 1000

// UpdateError is one update that the switch refused.
type UpdateError struct {
	Index   int // in the updates given to Write
	Update  string
	Code    codes.Code
	Message string
}

func (e UpdateError) String() string {
	if e.Message == "" {
		return fmt.Sprintf("%s: %v", e.Update, e.Code)
	}
	return fmt.Sprintf("%s: %v: %s", e.Update, e.Code, e.Message)
}

// WriteError says which updates of a Write were refused; the others were made.
type WriteError struct {
	Updates int // given to Write
	Errors  []UpdateError
}

// Error shows the first refusals; Errors has all of them.
func (e *WriteError) Error() string {
	const shown = 3
	var parts []string
	for _, u := range e.Errors[:min(shown, len(e.Errors))] {
		parts = append(parts, u.String())
	}
	if more := len(e.Errors) - shown; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d of %d updates refused: %s", len(e.Errors), e.Updates, strings.Join(parts, "; "))
}

// Write makes the updates in batches. All are encoded first, so that an update
// which the program cannot have stops everything before the switch is touched.
// Updates that the switch refuses do not keep it from making the others; they
// come back in a *WriteError. Within a batch the switch may choose its order.
func (s *Session) Write(ctx context.Context, updates []Update) error {
	protos, err := s.schema.encodeAll(updates)
	if err != nil {
		return err
	}
	refused := &WriteError{Updates: len(updates)}
	at := 0
	for batch := range slices.Chunk(protos, maxBatch) {
		errs, err := s.writeBatch(ctx, batch)
		if err != nil {
			return err
		}
		for _, e := range errs {
			e.Index += at
			e.Update = updates[e.Index].String()
			refused.Errors = append(refused.Errors, e)
		}
		at += len(batch)
	}
	if len(refused.Errors) > 0 {
		return refused
	}
	return nil
}

// WriteRequest is one request that makes all updates, for others to send: its
// device and election id are theirs to fill in.
func (s *Schema) WriteRequest(updates []Update) (*p4v1.WriteRequest, error) {
	protos, err := s.encodeAll(updates)
	return &p4v1.WriteRequest{Updates: protos}, err
}

// ParseWriteRequest is the inverse of WriteRequest.
func (s *Schema) ParseWriteRequest(w *p4v1.WriteRequest) ([]Update, error) {
	var updates []Update
	for i, u := range w.Updates {
		o, err := s.Decode(u.Entity)
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", i+1, err)
		}
		op, ok := opOf(u.Type)
		if !ok {
			return nil, fmt.Errorf("update %d: %v is neither INSERT, MODIFY nor DELETE", i+1, u.Type)
		}
		updates = append(updates, Update{Op: op, Object: o})
	}
	return updates, nil
}

func opOf(t p4v1.Update_Type) (Op, bool) {
	for op, typ := range opTypes {
		if typ == t {
			return op, true
		}
	}
	return 0, false
}

func (s *Schema) encodeAll(updates []Update) ([]*p4v1.Update, error) {
	protos := make([]*p4v1.Update, len(updates))
	for i, u := range updates {
		entity, err := s.Encode(u.Object)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", u, err)
		}
		protos[i] = &p4v1.Update{Type: opTypes[u.Op], Entity: entity}
	}
	return protos, nil
}

var opTypes = map[Op]p4v1.Update_Type{
	Insert: p4v1.Update_INSERT, Modify: p4v1.Update_MODIFY, Delete: p4v1.Update_DELETE,
}

func (s *Session) writeBatch(ctx context.Context, batch []*p4v1.Update) ([]UpdateError, error) {
	rpc, id := s.client()
	_, err := rpc.Write(ctx, &p4v1.WriteRequest{
		DeviceId: s.opts.DeviceID, ElectionId: id.proto(), Updates: batch,
		Atomicity: p4v1.WriteRequest_CONTINUE_ON_ERROR,
	})
	if err == nil {
		return nil, nil
	}
	errs, ok := updateErrors(err, len(batch))
	if !ok {
		return nil, reason(fmt.Sprintf("write %d updates", len(batch)), err)
	}
	return errs, nil
}

// updateErrors takes apart the status of a Write: its details hold one
// p4.v1.Error for each update, OK ones included.
func updateErrors(err error, updates int) ([]UpdateError, bool) {
	st, ok := status.FromError(err)
	if !ok || len(st.Details()) != updates {
		return nil, false
	}
	var errs []UpdateError
	for i, d := range st.Details() {
		pe, ok := d.(*p4v1.Error)
		if !ok {
			return nil, false
		}
		if code := codes.Code(pe.GetCanonicalCode()); code != codes.OK {
			errs = append(errs, UpdateError{Index: i, Code: code, Message: pe.GetMessage()})
		}
	}
	return errs, len(errs) > 0
}
