package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/config"
)

// Op is what a change does.
type Op string

// The operations.
const (
	Put    Op = "put"   // Body is the whole spec
	Patch  Op = "patch" // Body is a merge patch of the spec (RFC 7396)
	Delete Op = "delete"
)

// Change is a change of one object that somebody asks for.
type Change struct {
	Ref
	Op   Op
	Body []byte
	// IfMatch, unless nil, are the versions of which the object must have one;
	// "*" is any.
	IfMatch []string
	// IfNoneMatch are versions of which it must have none; "*" is any: the
	// object must not exist.
	IfNoneMatch []string
	Who         string
}

// Result is what a change did, or would do.
type Result struct {
	Did    string  // Created, Changed, Deleted or Unchanged
	Before *Object // nil if it was not there
	After  *Object // nil if it is no longer there
	// Warnings and Config are those of the whole with the change; of a preview.
	Warnings []string
	Config   *config.Config
}

// What a change did.
const (
	Created   = "created"
	Changed   = "changed"
	Deleted   = "deleted"
	Unchanged = "unchanged"
)

// Errors of changes, besides *config.Error, whose paths are those within the
// object.
var (
	// ErrNotDurable is that there is no store, so that nothing could last.
	ErrNotDurable = errors.New("the controller has no store to keep changes in")
	// ErrUnavailable is that the store cannot be written now.
	ErrUnavailable = errors.New("the store cannot be written now")
)

// NotFoundError is that an object is not there.
type NotFoundError struct {
	Ref
	Fix string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("no %s %q: %s", e.Kind, e.Name, e.Fix) }

// ConflictError is that others stand against a change.
type ConflictError struct{ Reason, Fix string }

func (e *ConflictError) Error() string { return e.Reason + ": " + e.Fix }

// VersionError is that a precondition does not hold.
type VersionError struct {
	Ref
	Version string // of the object; empty if it does not exist
	Header  string // whose condition does not hold
}

func (e *VersionError) Error() string {
	switch {
	case e.Version == "":
		return fmt.Sprintf("%s does not exist: leave out %s to create it", e.Ref, e.Header)
	case e.Header == "If-None-Match":
		return fmt.Sprintf("%s exists already, with version %s: leave out If-None-Match to replace it", e.Ref, e.Version)
	}
	return fmt.Sprintf("%s has changed: its version is %s; read it again, and repeat your change on that", e.Ref, e.Version)
}

// allowed checks the preconditions of a change of what is there now.
func (c *Change) allowed(now *object) error {
	version := ""
	if now != nil {
		version = now.Version
	}
	matches := func(versions []string) bool {
		return now != nil && (slices.Contains(versions, "*") || slices.Contains(versions, version))
	}
	if c.IfMatch != nil && !matches(c.IfMatch) {
		return &VersionError{c.Ref, version, "If-Match"}
	}
	if matches(c.IfNoneMatch) {
		return &VersionError{c.Ref, version, "If-None-Match"}
	}
	if now != nil && now.fromFile() {
		return &ConflictError{fmt.Sprintf("%s belongs to the configuration file, at %s", c.Ref, now.File),
			"change it there and send the controller SIGHUP, or give another name"}
	}
	if now == nil && c.Op != Put {
		return &NotFoundError{Ref: c.Ref}
	}
	return nil
}

// inUse is that objects need one that is to be deleted.
func inUse(ref Ref, users []string) error {
	const shown = 5
	text := strings.Join(users[:min(shown, len(users))], ", ")
	if more := len(users) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return &ConflictError{fmt.Sprintf("%s is in use by %s", ref, text), "delete or change these first"}
}
