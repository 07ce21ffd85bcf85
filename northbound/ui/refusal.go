package ui

import (
	"errors"
	"fmt"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
)

// Errors that pages show as they are.
var (
	// errReadOnly is that whoever asks may look only.
	errReadOnly = errors.New("You may look, but not change anything: that needs the role operator.")
	// errNoStore is that nothing would last.
	errNoStore = errors.New("This controller has no store to keep changes in.")
)

// noStoreHint is what to do without a store.
const noStoreHint = `Change its configuration file and send it SIGHUP; or give it a store there, as store: "file:corecast.db", and start it again.`

// notFound is the error of a page about something that is not there.
type notFound struct{ what, name, hint string }

func (e *notFound) Error() string { return fmt.Sprintf("There is no %s %q.", e.what, e.name) }

// missing is the error of an object that is not there.
func (u *UI) missing(kind inventory.Kind, name string) error {
	return &notFound{string(kind), name, config.DidYouMean(name, namesOf(u.opts.Source.Config(), kind))}
}

// namesOf are the names of all objects of a kind.
func namesOf(cfg *config.Config, kind inventory.Kind) []string {
	var names []string
	switch kind {
	case inventory.Site:
		for i := range cfg.Sites {
			names = append(names, cfg.Sites[i].Name)
		}
	case inventory.Switch:
		for i := range cfg.Switches {
			names = append(names, cfg.Switches[i].Name)
		}
	case inventory.Channel:
		names = channelNames(cfg)
	}
	return names
}

// ofFile is the error of a change of an object of the configuration file.
type ofFile struct{ inventory.Object }

func (e *ofFile) Error() string {
	at := ""
	if e.File != "" {
		at = ", at " + e.File
	}
	return fmt.Sprintf("The %s belongs to the configuration file%s.", e.Ref, at)
}

// fileHint is what to do about that.
const fileHint = "Change it there, and send the controller SIGHUP."

// failure is what the page of an error shows.
type failure struct {
	Err  error
	Back string
}

// Hint is what would be right.
func (f failure) Hint() string {
	var missing *notFound
	var file *ofFile
	switch {
	case errors.As(f.Err, &missing):
		return missing.hint
	case errors.As(f.Err, &file):
		return fileHint
	case errors.Is(f.Err, errNoStore):
		return noStoreHint
	}
	return ""
}
