package p4rtserver

import (
	"io"
	"strings"
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
)

func TestCounters(t *testing.T) {
	f, _ := newReadyFixture(t)
	f.mustWrite(insert(l2Entry + `counter_data { packet_count: 4 byte_count: 400 }`))
	frame := ethernetFrame("\x02\x00\x00\x00\x00\x01", 0x0800)
	f.plane.Load().Process(2, frame, func(uint32, []byte) {})

	f.expectRead(`counter_entry { counter_id: <arrivals> index { index: 2 } }`,
		`counter_entry { counter_id: <arrivals> index { index: 2 } data { packet_count: 1 byte_count: 60 } }`)
	if all, err := f.read(`counter_entry {}`); err != nil || len(all) != 8 {
		t.Fatalf("%d cells, %v, want 8", len(all), err)
	}
	f.mustWrite(`type: MODIFY entity { counter_entry { counter_id: <arrivals> index { index: 2 } data { packet_count: 9 } } }`)
	f.expectRead(`counter_entry { counter_id: <arrivals> index { index: 2 } }`,
		`counter_entry { counter_id: <arrivals> index { index: 2 } data { packet_count: 9 } }`)
	f.mustWrite(`type: MODIFY entity { counter_entry { counter_id: <arrivals> data { } } }`)
	f.expectRead(`counter_entry { counter_id: <arrivals> index { index: 2 } }`,
		`counter_entry { counter_id: <arrivals> index { index: 2 } data { } }`)

	key := `table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x02\x00\x00\x00\x00\x01" } } }`
	direct := `direct_counter_entry { ` + key + ` data { packet_count: 5 byte_count: 460 } }`
	f.expectRead(`direct_counter_entry { `+key+` }`, direct)
	f.expectRead(`direct_counter_entry { table_entry { table_id: <l2> } }`, direct)
	f.expectRead(`direct_counter_entry { }`, direct)
	f.expectRead(`table_entry { table_id: <l2> counter_data {} }`, l2Entry+`counter_data { packet_count: 5 byte_count: 460 } }`)
	f.mustWrite(`type: MODIFY entity { direct_counter_entry { ` + key + ` data { } } }`)
	f.expectRead(`table_entry { table_id: <l2> counter_data {} }`, l2Entry+`counter_data { } }`)

	_, err := f.read(`direct_counter_entry { table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x09" } } } }`)
	if got := batchErrors(t, err); len(got) != 1 || got[0].CanonicalCode != int32(codes.NotFound) {
		t.Fatalf("direct counter of no entry: %v", err)
	}
}

func TestRegisters(t *testing.T) {
	f, _ := newReadyFixture(t)
	f.plane.Load().Process(3, ethernetFrame("\x02\x00\x00\x00\x00\x01", 0x0800), func(uint32, []byte) {})
	f.expectRead(`register_entry { register_id: <last_source> index { index: 3 } }`,
		`register_entry { register_id: <last_source> index { index: 3 } data { bitstring: "\x02\x00\x00\x00\x00\x99" } }`)
	f.mustWrite(`type: MODIFY entity { register_entry { register_id: <last_source> data { bitstring: "\x07" } } }`)
	all, err := f.read(`register_entry {}`)
	if err != nil || len(all) != 8 {
		t.Fatalf("%d cells, %v, want 8", len(all), err)
	}
	for _, e := range all {
		if got := string(e.GetRegisterEntry().GetData().GetBitstring()); got != "\x07" {
			t.Fatalf("cell %v holds %x, want 07", e, got)
		}
	}
}

func TestMeters(t *testing.T) {
	f, _ := newReadyFixture(t)
	const (
		limit  = `config { cir: 1 cburst: 2 pir: 3 pburst: 4 }`
		first  = `meter_entry { meter_id: <budgets> index { index: 0 } `
		second = `meter_entry { meter_id: <budgets> index { index: 1 } `
		rest   = `meter_entry { meter_id: <budgets> index { index: 2 } }|meter_entry { meter_id: <budgets> index { index: 3 } }`
	)
	others := strings.Split(rest, "|")
	f.mustWrite(modify(second + limit))
	f.expectRead(second+`}`, second+limit+`}`)
	f.expectRead(`meter_entry { meter_id: <budgets> }`, append(others, first+`}`, second+limit+`}`)...)
	f.expectRead(`meter_entry { }`, append(others, first+`}`, second+limit+`}`)...)
	f.mustWrite(modify(second)) // no config is the default
	f.expectRead(second+`}`, second+`}`)
	f.mustWrite(modify(`meter_entry { meter_id: <budgets> ` + limit))
	f.expectRead(first+`}`, first+limit+`}`)

	f.mustWrite(insert(aging))
	key := `direct_meter_entry { table_entry { table_id: <aging> match { field_id: 1 exact { value: "\x01" } } } `
	f.expectRead(`direct_meter_entry { table_entry { table_id: <aging> } }`, key+`}`)
	f.mustWrite(modify(key + limit))
	f.expectRead(key+`}`, key+limit+`}`)
	f.expectRead(`direct_meter_entry { }`, key+limit+`}`)
	f.mustWrite(modify(key))
	f.expectRead(`direct_meter_entry { }`, key+`}`)
	_, err := f.read(`direct_meter_entry { table_entry { table_id: <aging> match { field_id: 1 exact { value: "\x09" } } } }`)
	if got := batchErrors(t, err); len(got) != 1 || got[0].CanonicalCode != int32(codes.NotFound) {
		t.Fatalf("direct meter of no entry: %v", err)
	}
}

// A counter of millions of cells comes in many small messages.
func TestArraysComeInChunks(t *testing.T) {
	f, _ := newReadyFixture(t)
	req := &p4v1.ReadRequest{DeviceId: testDevice}
	const times = 1000
	for range times {
		req.Entities = append(req.Entities, parse(f, `counter_entry { counter_id: <arrivals> }`, &p4v1.Entity{}))
	}
	answer, err := f.client.Read(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for {
		m, err := answer.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Entities) > readChunk {
			t.Fatalf("a message of %d entities, %d is the most", len(m.Entities), readChunk)
		}
		cells += len(m.Entities)
	}
	if cells != 8*times {
		t.Errorf("%d cells, want %d", cells, 8*times)
	}
}
