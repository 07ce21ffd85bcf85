package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
)

// benchStores are what is compared: each with a second node on it, if it can have
// one.
func benchStores(b *testing.B, bench func(b *testing.B, here, there store.Store)) {
	b.Run("file", func(b *testing.B) {
		f, err := store.OpenFile(filepath.Join(b.TempDir(), "store.db"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		bench(b, f, f)
	})
	for _, members := range []int{1, 3} {
		b.Run(fmt.Sprintf("etcd-%d", members), func(b *testing.B) {
			cluster := etcdtest.Start(b, etcdtest.Options{Members: members, Fsync: true})
			var nodes [2]*store.Etcd
			for i := range nodes {
				var err error
				if nodes[i], err = store.OpenEtcd(b.Context(), cluster.URL("bench")); err != nil {
					b.Fatal(err)
				}
				defer nodes[i].Close()
			}
			bench(b, nodes[0], nodes[1])
		})
	}
}

var benchValue = bytes.Repeat([]byte("v"), 200)

// BenchmarkCommit puts one value after the other, beside an append to a file that
// is synced.
func BenchmarkCommit(b *testing.B) {
	b.Run("fsync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for b.Loop() {
			if _, err := f.Write(benchValue); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	})
	benchStores(b, func(b *testing.B, here, _ store.Store) {
		for b.Loop() {
			if _, err := store.Put(b.Context(), here, "k", benchValue); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCommitParallel has 64 callers put values at once.
func BenchmarkCommitParallel(b *testing.B) {
	benchStores(b, func(b *testing.B, here, _ store.Store) {
		var n atomic.Uint64
		b.SetParallelism(32)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := store.Put(b.Context(), here, fmt.Sprint("k/", n.Add(1)%1000), benchValue); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkWatch is how long another node's watch lags behind the commit's
// answer.
func BenchmarkWatch(b *testing.B) {
	benchStores(b, func(b *testing.B, here, there store.Store) {
		page, err := there.List(b.Context(), "", "", 1)
		if err != nil {
			b.Fatal(err)
		}
		seen := make(chan time.Time)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, err := range there.Watch(b.Context(), "", page.Revision) {
				if err != nil {
					return
				}
				seen <- time.Now()
			}
		}()
		var lag time.Duration
		n := 0
		for b.Loop() {
			if _, err := store.Put(b.Context(), here, "k", benchValue); err != nil {
				b.Fatal(err)
			}
			answered := time.Now()
			lag += max(0, (<-seen).Sub(answered))
			n++
		}
		b.ReportMetric(float64(lag.Microseconds())/float64(n), "µs-behind")
		there.Close()
		<-done
	})
}

// BenchmarkWriter puts soft state, 100,000 keys at a time.
func BenchmarkWriter(b *testing.B) {
	benchStores(b, func(b *testing.B, here, _ store.Store) {
		const keys = 100_000
		w := store.NewWriter(here, store.WriterOptions{})
		defer w.Close()
		for b.Loop() {
			for i := range keys {
				w.Put(fmt.Sprintf("soft/%06d", i), benchValue)
			}
			if err := w.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*keys/b.Elapsed().Seconds(), "keys/s")
	})
}

// BenchmarkBackup backs up and restores 100,000 entries.
func BenchmarkBackup(b *testing.B) {
	benchStores(b, func(b *testing.B, here, _ store.Store) {
		w := store.NewWriter(here, store.WriterOptions{})
		for i := range 100_000 {
			w.Put(fmt.Sprintf("k/%06d", i), benchValue)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		target, n := "file:"+filepath.Join(b.TempDir(), "restored.db"), 0
		var read, written time.Duration
		for b.Loop() {
			var file bytes.Buffer
			start := time.Now()
			if _, err := store.WriteBackup(b.Context(), here, &file); err != nil {
				b.Fatal(err)
			}
			read += time.Since(start)
			start = time.Now()
			if _, err := store.Restore(b.Context(), target, bytes.NewReader(file.Bytes()), true); err != nil {
				b.Fatal(err)
			}
			written += time.Since(start)
			n++
		}
		b.ReportMetric(read.Seconds()/float64(n), "s/backup")
		b.ReportMetric(written.Seconds()/float64(n), "s/restore-to-file")
	})
}
