package engine_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/corecast/corecast/softswitch/engine"
)

func TestCacheCompilesOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata: %v", err)
	}
	json, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var cache engine.Cache
	programs := make([]*engine.Program, 8)
	var all sync.WaitGroup
	for i := range programs {
		all.Go(func() { programs[i], _ = cache.Compile(json) })
	}
	all.Wait()
	for i, p := range programs {
		if p == nil || p != programs[0] {
			t.Errorf("compilation %d gave another program", i)
		}
	}
	if _, err := cache.Compile([]byte("no program")); err == nil {
		t.Error("compiled what is no program")
	}
}
