package northbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/store"
)

// backupTime is how long a client may take to fetch a backup.
const backupTime = 10 * time.Minute

func (s *Server) registerBackup() {
	op := auth.Needs(auth.Admin, huma.Operation{
		OperationID: "backup", Method: http.MethodGet, Path: "/api/v1/backup",
		Summary:     "All that the store holds, at one revision, as one file",
		Description: "For `corecast restore`. It holds all secrets that the store does.",
		Errors:      []int{http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {Description: "the file", Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}},
	})
	huma.Register(s.api, op, s.backup)
}

// backup writes the file here first: a client that is slow must not hold up the
// store.
func (s *Server) backup(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if s.opts.Store == nil {
		return nil, huma.Error409Conflict("there is nothing to back up: the configuration names no store")
	}
	if !s.backingUp.TryLock() {
		return nil, huma.Error409Conflict("a backup is being made for somebody else: try again when that is done")
	}
	defer s.backingUp.Unlock()
	file, err := os.CreateTemp("", "corecast-backup-")
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	info, err := store.WriteBackup(ctx, s.opts.Store, file, cluster.Prefix)
	size, err2 := file.Seek(0, io.SeekCurrent)
	_, err3 := file.Seek(0, io.SeekStart)
	// Without a name it is gone when it is closed, or when we are.
	if err := errors.Join(err, err2, err3, os.Remove(file.Name())); err != nil {
		file.Close()
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	s.log.Info("backup", "by", auth.PrincipalFrom(ctx).Name, "entries", info.Entries, "revision", info.Revision)
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer file.Close()
		r, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Length", fmt.Sprint(size))
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="corecast-%s.backup"`, info.Time.Format("20060102T150405Z")))
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(backupTime)) // else it is that of all answers
		if r.Method != http.MethodHead {
			_, _ = io.Copy(w, file) // a file that was cut off says so to who reads it
		}
	}}, nil
}
