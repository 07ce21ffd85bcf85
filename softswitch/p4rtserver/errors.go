package p4rtserver

import (
	"errors"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corecast/corecast/softswitch/engine"
)

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func unimplemented(what string) error {
	return status.Errorf(codes.Unimplemented, "%s: not implemented by this switch", what)
}

// engineError gives an engine's error the code the specification wants.
func engineError(err error) error {
	if err == nil {
		return nil
	}
	table := []struct {
		is   error
		code codes.Code
	}{
		{engine.ErrExists, codes.AlreadyExists},
		{engine.ErrNotFound, codes.NotFound},
		{engine.ErrTableFull, codes.ResourceExhausted},
		{engine.ErrBadValue, codes.InvalidArgument},
		{engine.ErrConst, codes.PermissionDenied},
		{engine.ErrOutOfRange, codes.OutOfRange},
		{engine.ErrNotImplemented, codes.Unimplemented},
		{engine.ErrUnknownTable, codes.InvalidArgument},
		{engine.ErrUnknownAction, codes.InvalidArgument},
		{engine.ErrUnknownObject, codes.InvalidArgument},
	}
	for _, t := range table {
		if errors.Is(err, t.is) {
			return status.Error(t.code, err.Error())
		}
	}
	return status.Error(codes.Internal, err.Error())
}

// batchError is what Write and Read answer when some of a batch failed: one
// p4.v1.Error for each element, in order.
func batchError(what string, errs []error) error {
	failed := 0
	details := make([]protoadapt.MessageV1, len(errs))
	for i, err := range errs {
		e := &p4v1.Error{}
		if err != nil {
			failed++
			st := status.Convert(err)
			e.CanonicalCode, e.Message, e.Code = int32(st.Code()), st.Message(), int32(st.Code())
			e.Space = "softswitch"
		}
		details[i] = e
	}
	if failed == 0 {
		return nil
	}
	st := status.Newf(codes.Unknown, "%d of %d %s failed", failed, len(errs), what)
	if detailed, err := st.WithDetails(details...); err == nil {
		st = detailed
	}
	return st.Err()
}

// checkKnown refuses a message that has a field this server's version of
// P4Runtime does not know: to ignore it would be to do something else than
// what was asked.
func checkKnown(m protoreflect.Message) (err error) {
	if u := m.GetUnknown(); len(u) > 0 {
		number, _, _ := protowire.ConsumeTag(u)
		return invalid("%s has a field %d, which P4Runtime %s does not know: leave it out", m.Descriptor().FullName(), number, APIVersion)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				if err = checkKnown(v.List().Get(i).Message()); err != nil {
					return false
				}
			}
		default:
			err = checkKnown(v.Message())
		}
		return err == nil
	})
	return err
}
