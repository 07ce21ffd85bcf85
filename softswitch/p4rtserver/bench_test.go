package p4rtserver

import (
	"fmt"
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// Entries per second over gRPC, in batches of different sizes.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			f, _ := newReadyFixture(b)
			req := &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}}
			for i := range size {
				u := parse(f, insert(l2Entry), &p4v1.Update{})
				u.Entity.GetTableEntry().Match[0].GetExact().Value = []byte{2, byte(i >> 8), byte(i)}
				req.Updates = append(req.Updates, u)
			}
			for b.Loop() { // insert and delete in turn
				for _, op := range []p4v1.Update_Type{p4v1.Update_INSERT, p4v1.Update_DELETE} {
					for _, u := range req.Updates {
						u.Type = op
					}
					if _, err := f.client.Write(b.Context(), req); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(2*size*b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}
