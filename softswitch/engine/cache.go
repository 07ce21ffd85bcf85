package engine

import (
	"crypto/sha256"
	"sync"
)

// maxCached bounds a Cache: more programs than any process switches between.
const maxCached = 8

// Cache compiles each program once, for switches that share a process: a
// Program is immutable, and compiling a large one costs more than everything
// else a switch does before its first packet. The zero value is ready; it may
// be used from any goroutine.
type Cache struct {
	mu       sync.Mutex // guards programs; held while compiling, so that equal programs wait for one
	programs map[[sha256.Size]byte]*Program
}

// Compile is engine.Compile, or what it returned before for the same JSON.
// Programs that do not compile are not remembered.
func (c *Cache) Compile(json []byte) (*Program, error) {
	sum := sha256.Sum256(json)
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.programs[sum]; p != nil {
		return p, nil
	}
	p, err := Compile(json)
	if err != nil {
		return nil, err
	}
	if c.programs == nil || len(c.programs) == maxCached {
		c.programs = map[[sha256.Size]byte]*Program{}
	}
	c.programs[sum] = p
	return p, nil
}
