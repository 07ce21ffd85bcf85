package inventory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Changes that come all at once, and a file that brings more than one transaction
// takes, are stored in as many as it takes.
func TestMoreThanATransaction(t *testing.T) {
	s := memory(t)
	w := start(t, s, testFile)
	const many = 250
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			body := fmt.Sprintf(`{"site":"studio","source_eid":"10.0.1.%d","reserved_eid":"10.0.255.%d","ingress":{"switch":"itr1","port":1},"lists":%t}`, i+1, i+1, i%2 == 0)
			c := Change{Ref: Ref{Channel, fmt.Sprintf("c%03d", i)}, Op: Put, Body: []byte(body), Who: "tester"}
			if _, err := w.Do(context.Background(), c); err != nil {
				t.Errorf("%s: %v", c.Ref, err)
			}
		})
	}
	wg.Wait()
	if n := len(w.used().Channels); n != many {
		t.Errorf("%d channels in use, want %d", n, many)
	}
	var file strings.Builder
	file.WriteString(strings.TrimSpace(testFile))
	for i := range many {
		fmt.Fprintf(&file, "\n  - { name: site%03d, eid_prefixes: [10.1.%d.0/24] }", i, i)
	}
	if err := w.SetFile(context.Background(), decodeFile(t, file.String())); err != nil {
		t.Fatal(err)
	}
	if n := len(w.used().Sites); n != many+1 {
		t.Errorf("%d sites in use, want %d", n, many+1)
	}
	for deadline := time.Now().Add(patience); len(w.log.Tail(3*many)) < 2*many; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) { // the log follows the store
			t.Fatalf("%d events, want %d", len(w.log.Tail(3*many)), 2*many)
		}
	}
}
