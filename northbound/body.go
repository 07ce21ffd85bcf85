package northbound

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/corecast/corecast/northbound/auth"
)

// readBody reads the body of an operation that has one, whole and before anything
// else of it happens: what is too large, too slow or broken is refused here.
func (s *Server) readBody(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if op.RequestBody == nil {
		next(ctx)
		return
	}
	text, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), op.MaxBodyBytes))
	r, w := humago.Unwrap(ctx)
	switch {
	case err != nil: // which body has noted
		s.deny(w, r, bodyRefusal(err, op.MaxBodyBytes))
	case int64(len(text)) == op.MaxBodyBytes:
		s.refused(w, r, bodyRefusal(nil, op.MaxBodyBytes))
	default:
		next(bodyContext{ctx, text})
	}
}

// body is that of a request; failed is told once why it cannot be read, whoever
// reads it.
type body struct {
	io.ReadCloser
	failed func(error)
	told   bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !b.told {
		b.told = true
		b.failed(err)
	}
	return n, err
}

// bodyRefusal is the answer to a body that was not read to its end; err is nil if
// that is because of its length.
func bodyRefusal(err error, limit int64) *auth.Refusal {
	var beyond *http.MaxBytesError
	switch {
	case err == nil || errors.As(err, &beyond):
		return &auth.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: auth.ReasonLarge,
			Detail: fmt.Sprintf("the body is too large: it must have less than %d bytes", limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &auth.Refusal{Status: http.StatusRequestTimeout, Reason: auth.ReasonSlow, Detail: "the body took too long to come: send it at once"}
	}
	return &auth.Refusal{Status: http.StatusBadRequest, Reason: auth.ReasonMalformed, Detail: "the body ends early, or its chunks are none of HTTP"}
}

// bodyContext is that of a request whose body was read.
type bodyContext struct {
	humaContext
	body []byte
}

// humaContext is huma.Context by a name that is not that of a method.
type humaContext = huma.Context

// BodyReader implements huma.Context.
func (c bodyContext) BodyReader() io.Reader { return bytes.NewReader(c.body) }

// Unwrap lets humago find its own.
func (c bodyContext) Unwrap() huma.Context { return c.humaContext }
