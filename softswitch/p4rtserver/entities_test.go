package p4rtserver

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	l2Entry = `table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x02\x00\x00\x00\x00\x01" } }
		action { action { action_id: <forward> params { param_id: 1 value: "\x03" } } } `
	routeEntry = `table_entry { table_id: <routes> match { field_id: 1 lpm { value: "\x20\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" prefix_len: 16 } }
		action { action { action_id: <tag> params { param_id: 1 value: "\x00" } } } `
	aclEntry = `table_entry { table_id: <acl> priority: 10
		match { field_id: 1 ternary { value: "\x01" mask: "\xff" } }
		match { field_id: 2 range { low: "\x00" high: "\x04\x00" } }
		match { field_id: 3 optional { value: "\x07" } }
		match { field_id: 4 exact { value: "\x01" } }
		action { action { action_id: <punt> params { param_id: 1 value: "\x05" } } } `
	aging  = `table_entry { table_id: <aging> match { field_id: 1 exact { value: "\x01" } } action { action { action_id: <NoAction> } } `
	aclAny = `table_entry { table_id: <acl> priority: 1 match { field_id: 4 exact { value: "\x01" } } action { action { action_id: <drop> } } `
)

func insert(entity string) string { return "type: INSERT entity { " + entity + " } }" }
func modify(entity string) string { return "type: MODIFY entity { " + entity + " } }" }
func remove(entity string) string { return "type: DELETE entity { " + entity + " } }" }

func TestEntriesReadBackAsWritten(t *testing.T) {
	f, _ := newReadyFixture(t)
	entries := []string{l2Entry, routeEntry, aclEntry, aclAny,
		strings.Replace(l2Entry, `\x01"`, `\x02" `, 1) + ` metadata: "mine" controller_metadata: 12 `,
		strings.Replace(routeEntry, "prefix_len: 16", "prefix_len: 17", 1)}
	var want []string
	for _, e := range entries {
		f.mustWrite(insert(e))
		want = append(want, e+"}")
		if err := f.write(insert(e)); batchErrors(t, err)[0].CanonicalCode != int32(codes.AlreadyExists) {
			t.Fatalf("inserted twice: %v", err)
		}
	}
	constEntry := `table_entry { table_id: <kinds> match { field_id: 1 exact { value: "\xee" } } action { action { action_id: <drop> } } }`
	f.expectRead(`table_entry {}`, append(want, constEntry)...)

	f.expectRead(`table_entry { table_id: <l2> }`, want[0], want[4])
	f.expectRead(`table_entry { table_id: <l2> metadata: "mine" }`, want[4])
	f.expectRead(`table_entry { table_id: <l2> controller_metadata: 13 }`)
	f.expectRead(`table_entry { table_id: <acl> priority: 10 }`, want[2])
	f.expectRead(`table_entry { table_id: <acl> action { action { action_id: <drop> } } }`, want[3])
	f.expectRead(`table_entry { table_id: <acl> match { field_id: 4 exact { value: "\x01" } } }`, want[3])
	f.expectRead(`table_entry { table_id: <routes> match { field_id: 1 lpm { value: "\x20\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" prefix_len: 17 } } }`, want[5])
	f.expectRead(`table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x09" } } }`)

	for _, e := range entries {
		f.mustWrite(remove(e))
		if err := f.write(remove(e)); batchErrors(t, err)[0].CanonicalCode != int32(codes.NotFound) {
			t.Fatalf("deleted twice: %v", err)
		}
	}
	f.expectRead(`table_entry {}`, constEntry)
}

func TestModifyReplacesActionAndNote(t *testing.T) {
	f, _ := newReadyFixture(t)
	if err := f.write(modify(l2Entry)); batchErrors(t, err)[0].CanonicalCode != int32(codes.NotFound) {
		t.Fatalf("modified what is not there: %v", err)
	}
	f.mustWrite(insert(l2Entry + `metadata: "old"`))
	changed := strings.Replace(l2Entry, `\x03`, `\x04`, 1)
	f.mustWrite(modify(changed))
	f.expectRead(`table_entry { table_id: <l2> }`, changed+"}")
}

func TestNonCanonicalValuesAreTaken(t *testing.T) {
	f, _ := newReadyFixture(t)
	f.mustWrite(insert(`table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x00\x00\x00\x00\x00\x00\x00\x07" } }
		action { action { action_id: <forward> params { param_id: 1 value: "\x00\x00\x01" } } }`))
	f.expectRead(`table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x07" } } }`,
		`table_entry { table_id: <l2> match { field_id: 1 exact { value: "\x07" } } action { action { action_id: <forward> params { param_id: 1 value: "\x01" } } } }`)
}

func TestDefaultEntries(t *testing.T) {
	f, _ := newReadyFixture(t)
	original := `table_entry { table_id: <l2> is_default_action: true action { action { action_id: <drop> } } }`
	changed := `table_entry { table_id: <l2> is_default_action: true action { action { action_id: <forward> params { param_id: 1 value: "\x05" } } } }`
	request := `table_entry { table_id: <l2> is_default_action: true }`
	f.expectRead(request, original)
	f.mustWrite("type: MODIFY entity { " + changed + " }")
	f.expectRead(request, changed)
	f.expectRead(`table_entry { table_id: <l2> }`)
	f.mustWrite("type: MODIFY entity { " + request + " }")
	f.expectRead(request, original)
	f.expectRead(`table_entry { table_id: <keyless> is_default_action: true }`,
		`table_entry { table_id: <keyless> is_default_action: true action { action { action_id: <untagged> } } }`)
}

func TestBatchGoesOnAndTellsOfEach(t *testing.T) {
	f, _ := newReadyFixture(t)
	err := f.write(insert(l2Entry), insert(l2Entry), insert(routeEntry))
	st := status.Convert(err)
	if st.Code() != codes.Unknown {
		t.Fatalf("%v, want UNKNOWN", err)
	}
	var got []codes.Code
	for _, e := range batchErrors(t, err) {
		got = append(got, codes.Code(e.CanonicalCode))
	}
	if len(got) != 3 || got[0] != codes.OK || got[1] != codes.AlreadyExists || got[2] != codes.OK {
		t.Fatalf("%v, want OK, ALREADY_EXISTS, OK", got)
	}
	f.expectRead(`table_entry { table_id: <routes> }`, routeEntry+"}")
}

func TestReplicasKeepTheirOrder(t *testing.T) {
	f, _ := newReadyFixture(t)
	for _, kind := range []string{"multicast_group_entry { multicast_group_id", "clone_session_entry { session_id"} {
		entity := func(replicas string) string {
			return `packet_replication_engine_entry { ` + kind + `: 5 ` + replicas + ` }`
		}
		one, two, three := `replicas { egress_port: 1 instance: 1 }`, `replicas { egress_port: 2 instance: 1 }`, `replicas { egress_port: 1 instance: 3 }`
		f.mustWrite(insert(entity(three + two)))
		f.expectRead(entity("")+"}", entity(three+two)+"}")
		f.mustWrite(modify(entity(one + two + three)))
		f.expectRead(entity("")+"}", entity(three+two+one)+"}") // those that stay, then the new
		f.mustWrite(modify(entity(one + three)))
		all := `packet_replication_engine_entry { ` + strings.SplitAfter(kind, "{")[0] + ` } }`
		f.expectRead(all, entity(three+one)+"}")
		if err := f.write(insert(entity(""))); batchErrors(t, err)[0].CanonicalCode != int32(codes.AlreadyExists) {
			t.Fatalf("inserted twice: %v", err)
		}
		f.mustWrite(remove(entity("")))
		f.expectRead(all)
		if err := f.write(remove(entity(""))); batchErrors(t, err)[0].CanonicalCode != int32(codes.NotFound) {
			t.Fatalf("deleted twice: %v", err)
		}
		if err := f.write(modify(entity(one))); batchErrors(t, err)[0].CanonicalCode != int32(codes.NotFound) {
			t.Fatalf("modified what is not there: %v", err)
		}
	}
	var copies []uint32
	f.mustWrite(insert(`packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 7 replicas { egress_port: 9 } replicas { egress_port: 4 } replicas { egress_port: 6 } }`),
		`type: MODIFY entity { table_entry { table_id: <l2> is_default_action: true action { action { action_id: <flood> params { param_id: 1 value: "\x07" } } } } }`)
	f.plane.Load().Process(1, ethernetFrame("\xff\xff\xff\xff\xff\xff", 0x0800), func(port uint32, _ []byte) { copies = append(copies, port) })
	if len(copies) != 3 || copies[0] != 9 || copies[1] != 4 || copies[2] != 6 {
		t.Fatalf("copies left through %v, want 9 4 6", copies)
	}
}

// ethernetFrame is a minimal frame from 02:00:00:00:00:99.
func ethernetFrame(dst string, etherType uint16) []byte {
	f := make([]byte, 60)
	copy(f, dst+"\x02\x00\x00\x00\x00\x99")
	f[12], f[13] = byte(etherType>>8), byte(etherType)
	return f
}
