package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Between attempts of a request.
const (
	firstPause = 20 * time.Millisecond
	maxPause   = 500 * time.Millisecond
)

// attempts is how many members a request is given the time to ask, one after the
// other, if asking twice does no harm.
const attempts = 3

// outcome is what is known of a request.
type outcome struct {
	last error // what gRPC said last
	sent bool  // a member may have done it
}

type outcomeKey struct{}

// noteOutcome sees every attempt of etcd's client, and what gRPC itself says of
// it, which the client keeps for itself.
func noteOutcome(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if o, ok := ctx.Value(outcomeKey{}).(*outcome); ok && err != nil {
		o.last = err
		o.sent = o.sent || !notSent(err)
	}
	return err
}

// notSent reports whether an error says that no member got the request, or that
// one refused it without asking the others.
func notSent(err error) bool {
	text := status.Convert(err).Message()
	return strings.Contains(text, "waiting for connections") || strings.Contains(text, "latest balancer error") ||
		text == rpctypes.ErrNoLeader.Error() || refused(rpctypes.Error(err))
}

// refused reports whether an error is etcd's word that it did nothing.
func refused(err error) bool {
	var e rpctypes.EtcdError
	return errors.As(err, &e) && e.Code() != codes.Unavailable && e.Code() != codes.Unknown
}

// passing reports whether an error may be gone the next time, or at another
// member.
func passing(err error) bool {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return !refused(err)
	}
	_, isStatus := status.FromError(err)
	return isStatus || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// read asks for what may be done twice.
func (s *Etcd) read(ctx context.Context, do func(context.Context) error) error {
	return s.ask(ctx, attempts, do)
}

// write asks for what must not be done twice.
func (s *Etcd) write(ctx context.Context, do func(context.Context) error) error {
	return s.ask(ctx, 1, do)
}

// ask has a request done: by as many members, one after the other, as there are
// attempts, and by more as long as none can have done it. A member without a
// leader refuses it.
func (s *Etcd) ask(ctx context.Context, attempts int, do func(context.Context) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.under.Done()
	var o outcome
	whole, cancel := context.WithTimeout(context.WithValue(clientv3.WithRequireLeader(ctx), outcomeKey{}, &o), s.url.timeout)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		attempt, cancel := context.WithTimeout(whole, s.url.timeout/time.Duration(attempts))
		err := do(attempt)
		cancel()
		switch {
		case refused(err):
			return s.explain(err)
		case err == nil || !passing(err):
			return err
		case whole.Err() == nil && (attempts > 1 || !o.sent):
			select {
			case <-time.After(pause):
				continue
			case <-whole.Done():
			}
		}
		return s.failed(ctx, err, attempts == 1 && o.sent, o.last)
	}
}

// begin notes a request under way; s.under.Done ends it.
func (s *Etcd) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("store %s: %w", s.url.name(), ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.under.Add(1)
	return nil
}

// failed is the error of a request that got no answer; unknown says that it may
// have been done all the same.
func (s *Etcd) failed(ctx context.Context, err error, unknown bool, last error) error {
	if last != nil && errors.Is(err, context.DeadlineExceeded) {
		err = errors.New(reason(last))
	}
	if ended := ctx.Err(); ended != nil {
		err = ended
	} else {
		err = s.explain(err)
	}
	if unknown {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// reason is what gRPC says of an error at its innermost.
func reason(err error) string {
	text := status.Convert(err).Message()
	if i := strings.LastIndex(text, `desc = "`); i >= 0 {
		text = strings.TrimSuffix(text[i+len(`desc = "`):], `"`)
	}
	text = strings.TrimPrefix(text, "transport: ")
	return strings.TrimPrefix(text, "Error while dialing: ")
}

// explain names the cluster and what to do.
func (s *Etcd) explain(err error) error {
	if errors.Is(err, rpctypes.ErrCompacted) {
		return fmt.Errorf("store %s: %w", s.url.name(), ErrCompacted)
	}
	return fmt.Errorf("store %s: %w: %s", s.url.name(), err, s.cure(err))
}

// cure is what to do about an error of etcd.
func (s *Etcd) cure(err error) string {
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		return "its database is full: compact and defragment it and disarm the alarm (etcdctl compaction, defrag, alarm disarm), or raise --quota-backend-bytes"
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return fmt.Sprintf("give the user's role the prefix: etcdctl role grant-permission ROLE readwrite --prefix %s/", s.url.prefix)
	case errors.Is(err, rpctypes.ErrAuthFailed):
		return fmt.Sprintf("user %s or its password is not right: see ?user=, password_file= and %s", s.url.user, passwordEnv)
	case errors.Is(err, rpctypes.ErrUserEmpty):
		return fmt.Sprintf("the cluster asks who it is: add ?user=NAME, and password_file=FILE or %s", passwordEnv)
	case errors.Is(err, rpctypes.ErrRequestTooLarge), errors.Is(err, rpctypes.ErrTooManyOps):
		return "the cluster takes less than etcd's defaults: raise --max-request-bytes to 1572864 and --max-txn-ops to 128"
	case errors.Is(err, rpctypes.ErrCorrupt):
		return "its members disagree on what they hold: restore a backup of the cluster"
	case refused(err):
		return "etcd refuses it"
	}
	return fmt.Sprintf("no answer within %v: most members must be up, and reachable from here: etcdctl --endpoints %s endpoint status",
		s.url.timeout, strings.Join(s.url.hosts, ","))
}

// leaseError is an error about a lease, nil if err is.
func leaseError(id LeaseID, err error) error {
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("lease %d: %w", id, ErrNoLease)
	}
	return err
}
