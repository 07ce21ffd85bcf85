// Package bundle writes an archive for whoever is to help: what a controller says
// of itself, and what the host is like. Secrets are in nothing that a controller
// tells; who the viewers are is left out, and their number kept. It changes
// nothing.
package bundle

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/corecast/corecast/cmd/corecast/doctor"
	"github.com/corecast/corecast/northbound/client"
)

const (
	maxMappings = 1000 // more of them say nothing new
	maxEvents   = 1000
	maxChannels = 10_000
)

// part is one file of a bundle.
type part struct {
	name string
	ask  func(context.Context, *client.Client) (any, error)
}

// parts are all that is asked for. What is a []byte is written as it is,
// everything else as JSON.
var parts = []part{
	{"status.json", func(ctx context.Context, c *client.Client) (any, error) { return c.Status(ctx) }},
	{"switches.json", func(ctx context.Context, c *client.Client) (any, error) { return c.Switches(ctx) }},
	{"drops.json", func(ctx context.Context, c *client.Client) (any, error) { return c.Drops(ctx, "") }},
	{"sites.json", func(ctx context.Context, c *client.Client) (any, error) { return c.Sites(ctx) }},
	{"channels.json", func(ctx context.Context, c *client.Client) (any, error) {
		return first(c.Channels(ctx, client.ChannelFilter{}), maxChannels)
	}},
	{"streams.json", func(ctx context.Context, c *client.Client) (any, error) {
		return first(c.Streams(ctx, client.StreamFilter{}), maxChannels)
	}},
	{"mappings.json", func(ctx context.Context, c *client.Client) (any, error) {
		return first(c.Mappings(ctx, client.MappingFilter{All: true}), maxMappings)
	}},
	{"sources.json", func(ctx context.Context, c *client.Client) (any, error) { return c.Sources(ctx) }},
	{"events.json", func(ctx context.Context, c *client.Client) (any, error) { return c.Events(ctx, maxEvents) }},
	{"metrics.txt", func(ctx context.Context, c *client.Client) (any, error) { return c.Metrics(ctx) }},
	{"doctor.json", func(ctx context.Context, _ *client.Client) (any, error) { return findings(ctx) }},
}

// Write asks a controller for all parts and writes the archive. What a part
// cannot be had for is in its place; tell is told of each.
func Write(ctx context.Context, w io.Writer, c *client.Client, now time.Time, tell func(name string, err error)) error {
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	for _, p := range parts {
		value, failed := p.ask(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tell(p.name, failed)
		if failed != nil {
			value = map[string]string{"error": failed.Error()}
		}
		if err := add(archive, p.name, value, now); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return errors.Join(archive.Close(), zip.Close())
}

func add(archive *tar.Writer, name string, value any, now time.Time) error {
	text, raw := value.([]byte)
	if !raw {
		var err error
		if text, err = json.MarshalIndent(value, "", "  "); err != nil {
			return err
		}
	}
	header := &tar.Header{Name: "corecast/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: now, Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(text)
	return err
}

// first collects the first items of a list.
func first[T any](list iter.Seq2[T, error], most int) ([]T, error) {
	items := []T{}
	for item, err := range list {
		if err != nil {
			return items, err
		}
		if items = append(items, item); len(items) == most {
			break
		}
	}
	return items, nil
}

func findings(ctx context.Context) ([]doctor.Finding, error) {
	var list []doctor.Finding
	err := doctor.Run(ctx, doctor.Options{}, func(f doctor.Finding) { list = append(list, f) })
	return list, err
}
